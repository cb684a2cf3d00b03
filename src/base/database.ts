// Connects to PostgreSQL, and migrates it behind an advisory lock.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runMigrations } from 'graphile-worker';
import knexModule, { type Knex } from 'knex';
import pg from 'pg';
import { quietWorkerLogger } from './log.ts';

export type Database = Knex;
export type ConnectionOptions =
  | { connectionString: string }
  | { host: string; port: number; user: string; database: string };

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
// An arbitrary number that only we use. It must be the same in every process of an instance.
export const MIGRATION_LOCK = 715_002;

/** Returns a table or column name quoted for SQL text; `schema.table` is quoted in both parts. */
export function quoted(name: string): string {
  return name.split('.').map(pg.escapeIdentifier).join('.');
}

/**
 * Returns true for a uuid. PostgreSQL throws when any other text is compared with a uuid column.
 */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}

/** Returns true for a uuid in lower case, as we print it, so that every row has one address. */
export function isOwnId(text: string): boolean {
  return isUuid(text) && text === text.toLowerCase();
}

/** Returns the text for a jsonb column. knex would hand arrays and strings to pg unchanged. */
export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

/** Returns the database's time of this moment; `now()` stands still in a transaction. */
export async function readClock(db: Knex): Promise<Date> {
  const { rows } = await db.raw('select clock_timestamp() as now');
  return rows[0].now;
}

/** Waits for the advisory lock of this name and holds it until the transaction ends. */
export async function lockName(trx: Knex, name: string): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [name]);
}

// Every bigint of ours is a count or a size in bytes, far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * No transaction of ours waits for anything outside the database. A transaction that is idle
 * belongs to a process that was stopped or whose machine is gone, so its locks are released after
 * 15 seconds.
 */
const LIMITS = {
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  idle_in_transaction_session_timeout: 15_000,
  lock_timeout: 30_000,
};

/** Opens the pool that all queries use; `schema` replaces the database's own search path. */
export function openDatabase(connection: ConnectionOptions, schema?: string): Database {
  return knexModule({
    client: 'pg',
    ...(schema ? { searchPath: [schema] } : {}),
    connection: { ...connection, ...LIMITS },
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: 30_000,
    // knex would print in its own format. Every fault also arrives as a rejection.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
  });
}

/**
 * Opens a pool for graphile-worker. The listeners are needed: without them an error of an idle
 * connection would end the process.
 */
export function openPool(connection: ConnectionOptions, limits: object = LIMITS): pg.Pool {
  const pool = new pg.Pool({ ...connection, ...limits, max: 10 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Migrates our tables and the queue's. Processes that start together wait for the first one. */
export async function migrate(db: Database, connection: ConnectionOptions): Promise<void> {
  // No limits, so that a process that starts during a long migration waits for it.
  const pool = openPool(connection, {});
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await db.migrate.latest({ migrationSource });
    await runMigrations({ pgPool: pool, logger: quietWorkerLogger });
  } finally {
    // Ending the session releases the lock even if an unlock would fail.
    lock.release(true);
    await pool.end();
  }
}

/** Returns the names of the migrations of this version, in order. */
export async function migrationNames(): Promise<string[]> {
  return migrationSource.getMigrations([]);
}

/** Runs these migrations and no others, in a schema that no process uses. */
export async function migrateThrough(db: Database, names: string[]): Promise<void> {
  for (const name of names) await db.migrate.up({ migrationSource, name });
}

/**
 * Returns false if the database lacks a migration of this version; the process is then not ready.
 */
export async function isMigrated(db: Database): Promise<boolean> {
  const [, pending] = (await db.migrate.list({ migrationSource })) as [unknown[], unknown[]];
  return pending.length === 0;
}

const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: async () =>
    (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.ts')).sort(),
  getMigrationName: (name) => name,
  getMigration: (name) => import(join(MIGRATIONS, name)),
};

/** Throws if the database does not answer. */
export async function ping(db: Database): Promise<void> {
  await db.raw('select 1');
}
