// One PostgreSQL for the whole test run, a migrated template in it, and a clone for each file.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type ConnectionOptions, migrate, openDatabase } from '../../src/base/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';

let server: Promise<EmbeddedPostgres> | undefined;

async function start(): Promise<EmbeddedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-test-db-'));
  const postgres = await startEmbeddedPostgres(folder, createLog('error'));
  await query(postgres, 'create database template_pm3k');
  const connection = { ...postgres.connection, database: 'template_pm3k' };
  const db = openDatabase(connection);
  await migrate(db, connection);
  await db.destroy();
  stopServer = async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return postgres;
}

let stopServer: (() => Promise<void>) | undefined;

/** Mocha's root hook: ends the server after the last file. */
export const mochaHooks = {
  async afterAll() {
    await stopServer?.();
  },
};

/** A fresh database with today's schema; 30 ms. */
export async function freshDatabase(): Promise<{ connection: ConnectionOptions; url: string }> {
  server ??= start();
  const postgres = await server;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await query(postgres, `create database ${name} template template_pm3k`);
  const { host, port, user } = postgres.connection;
  const url = `postgres://${user}@localhost:${port}/${name}?host=${encodeURIComponent(host)}`;
  return { connection: { ...postgres.connection, database: name }, url };
}

async function query(postgres: EmbeddedPostgres, sql: string): Promise<void> {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
