// Opens an instance's database, storage and secret for a script.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { type Config, readConfig } from '../../src/base/config.ts';
import type { ConnectionOptions } from '../../src/base/database.ts';
import { findRunningConnection, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import { LEDGER } from '../../src/deletion/ledger.ts';
import { createStorage } from '../../src/storage/create-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ScriptFault } from '../fault.ts';

export interface Place extends AsyncDisposable {
  config: Config;
  connection: ConnectionOptions;
  storage: Storage;
  /** The keys of APP_SECRET, the current one first. */
  secrets: string[];
}

/**
 * Opens the place for a backup: beside a running appliance, or with its database started meanwhile.
 */
export async function openPlace(): Promise<Place> {
  const config = readConfig();
  const found = config.DATABASE_URL ? null : await findRunningConnection(config.DATA_DIR);
  if (found) return placeAt(config, found);
  if (!config.DATABASE_URL && !existsSync(join(config.DATA_DIR, 'postgres/PG_VERSION'))) {
    throw new ScriptFault(
      `There is no database in ${resolve(config.DATA_DIR)}. Set DATA_DIR or DATABASE_URL as PM3K has them.`,
    );
  }
  return openAlone(config);
}

/**
 * Opens the place for a restore. It fails if somebody else uses the embedded database; with
 * DATABASE_URL the caller has to check that.
 */
export async function openAlone(config = readConfig()): Promise<Place> {
  const secrets = readSecrets(config);
  if (config.DATABASE_URL) {
    return placeAt(config, { connectionString: config.DATABASE_URL }, secrets);
  }
  const postgres = await startEmbeddedPostgres(config.DATA_DIR, createLog('error'));
  return placeAt(config, postgres.connection, secrets, () => postgres.stop());
}

function placeAt(
  config: Config,
  connection: ConnectionOptions,
  secrets = readSecrets(config),
  close = async () => {},
): Place {
  return {
    ...{ config, connection, secrets },
    storage: createStorage(config),
    [Symbol.asyncDispose]: close,
  };
}

/** Returns where the instance keeps the ledger of deletions, as a path or an S3 URL. */
export function ledgerPlace({ STORAGE, DATA_DIR, S3_BUCKET }: Config): string {
  const media = STORAGE === 'disk' ? join(resolve(DATA_DIR), 'media') : `s3://${S3_BUCKET}`;
  return `${media}/${LEDGER}`;
}

/**
 * Returns the keys of APP_SECRET. Unlike the server it never makes a new one, which would open
 * nothing.
 */
export function readSecrets({ APP_SECRET, DATA_DIR }: Config): string[] {
  if (APP_SECRET) return APP_SECRET;
  const path = join(resolve(DATA_DIR), 'app-secret');
  if (existsSync(path)) return [readFileSync(path, 'utf8').trim()];
  throw new ScriptFault(
    `There is no secret in ${path}. Put the file of the instance there, or set APP_SECRET to its content.`,
  );
}

/** Opens a database session, which the caller ends. */
export async function connect(connection: ConnectionOptions): Promise<pg.Client> {
  const client = new pg.Client({ ...connection, application_name: 'pm3k-backup', keepAlive: true });
  // When the session breaks, the running statement fails and reports it.
  client.on('error', () => {});
  await client.connect();
  // Every version of PostgreSQL reads dates in this form in the same way.
  await client.query(`set datestyle = 'ISO, YMD'`);
  return client;
}
