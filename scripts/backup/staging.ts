// Loads a backup into a staging schema, and swaps it with the real one in one transaction.
import type { Readable } from 'node:stream';
import type pg from 'pg';
import { type ConnectionOptions, openDatabase, quoted } from '../../src/base/database.ts';
import { migrateThrough, migrationNames } from '../../src/base/migrations.ts';
import { clearQueue } from '../../src/queue/repair.ts';

import { ScriptFault } from '../fault.ts';
import type { EndOfBackup, ManifestOfBackup } from './contents.ts';
import { type EndedAccess, knowsAccess, settleAccess } from './settle-access.ts';
import { type Settled, settleRestored } from './settle-jobs.ts';
import { assertCounts, copyIn, resetSequences } from './tables.ts';

export const STAGING = 'pm3k_restore';

/**
 * Returns the names of the migrations that the backup lacks.
 *
 * @throws ScriptFault when the backup has one that this version does not know.
 */
export async function missingMigrations(migrations: string[]): Promise<string[]> {
  const known = await migrationNames();
  const unknown = migrations.find((name) => !known.includes(name));
  if (unknown) {
    throw new ScriptFault(
      `The backup was made by another version of PM3K: this one does not know the schema change ${unknown}. Restore it with that version or a newer one.`,
    );
  }
  return known.filter((name) => !migrations.includes(name));
}

/** Makes an empty staging schema of the backup's own version. */
export async function beginStaging(
  client: pg.Client,
  connection: ConnectionOptions,
  { migrations, tables }: ManifestOfBackup,
): Promise<void> {
  await dropStaging(client);
  await client.query(`create schema ${STAGING}`);
  await migrateStaging(connection, migrations);
  const names = tables.map(({ name }) => `${STAGING}.${quoted(name)}`);
  // A migration may have inserted rows, which the backup has as well.
  await client.query(`truncate ${names.join(', ')} cascade`);
}

export async function dropStaging(client: pg.Client): Promise<void> {
  await client.query(`drop schema if exists ${STAGING} cascade`);
}

async function migrateStaging(connection: ConnectionOptions, names: string[]): Promise<void> {
  const db = openDatabase(connection, { schema: STAGING });
  await migrateThrough(db, names).finally(() => db.destroy());
}

/** Loads a part of a table's rows. */
export async function loadPart(
  client: pg.Client,
  { tables }: ManifestOfBackup,
  tableName: string,
  body: Readable,
): Promise<void> {
  const table = tables.find(({ name }) => name === tableName);
  if (!table) throw new ScriptFault(`The backup has rows of ${tableName}, which it does not name.`);
  await copyIn(client, STAGING, table, body);
}

/** Returns the hash in a file's row; undefined when no row names the file. */
export async function findFileRow(
  client: pg.Client,
  storageKey: string,
): Promise<{ sha256: string } | undefined> {
  const { rows } = await client.query(
    `select sha256 from ${STAGING}.media where storage_key = $1`,
    [storageKey],
  );
  return rows[0];
}

/** Checks the number of rows, and migrates the staging schema to this version. */
export async function finishStaging(
  client: pg.Client,
  connection: ConnectionOptions,
  manifest: ManifestOfBackup,
  end: EndOfBackup,
): Promise<void> {
  await assertCounts(client, STAGING, end.rows);
  await resetSequences(client, STAGING);
  await migrateStaging(connection, await missingMigrations(manifest.migrations));
  // A backup holds no parts of unfinished uploads, and its files are now in this instance's
  // storage.
  await client.query(
    `truncate ${STAGING}.uploads, ${STAGING}.upload_parts, ${STAGING}.storage_in_use`,
  );
}

export interface Swapped extends Settled {
  /** Null when there was no database that knows who lost access since. */
  access: EndedAccess | null;
}

/**
 * Replaces the real tables by the staged ones, all or none. `position`: how far, as the storage says,
 * the database had come that is replaced.
 */
export async function swap(client: pg.Client, madeAt: Date, position: number): Promise<Swapped> {
  await client.query('begin');
  try {
    const access = (await knowsAccess(client)) ? await settleAccess(client, STAGING) : null;
    const settled = await settleRestored(client, { schema: STAGING, madeAt, position });
    const { rows } = await client.query(
      `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind = 'r'`,
      [STAGING],
    );
    const names = rows.map(({ name }) => quoted(name));
    // Without `cascade`: foreign objects that depend on our tables must not be dropped.
    await client.query(`drop table if exists ${names.map((name) => `public.${name}`).join(', ')}`);
    for (const name of names) {
      await client.query(`alter table ${STAGING}.${name} set schema public`);
    }
    await moveFunctions(client);
    await client.query(`drop schema ${STAGING}`);
    await clearQueue((sql) => client.query(sql));
    await client.query('commit');
    return { ...settled, access };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    if ((error as { code?: string }).code !== DEPENDENT) throw error;
    throw new ScriptFault(
      'Something in the database that is not PM3K’s depends on its tables. Remove it, or restore into an empty database. Nothing was changed.',
    );
  }
}

/** Replaces the functions of our triggers; those of the dropped tables went with them. */
async function moveFunctions(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    'select proname as name from pg_proc where pronamespace = $1::regnamespace',
    [STAGING],
  );
  for (const { name } of rows) {
    await client.query(`drop function if exists public.${quoted(name)}()`);
    await client.query(`alter function ${STAGING}.${quoted(name)}() set schema public`);
  }
}

// https://www.postgresql.org/docs/17/errcodes-appendix.html
const DEPENDENT = '2BP01';
