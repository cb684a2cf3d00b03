// The connection to PostgreSQL, and migrations behind an advisory lock.
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
// Any number that only we use; the same in every process of an instance.
export const MIGRATION_LOCK = 715_002;

/** A name for SQL text, which nothing can bind; a table may be named with its schema. */
export function quoted(name: string): string {
  return name.split('.').map(pg.escapeIdentifier).join('.');
}

/** Whether a text from outside may be compared with a uuid column, which throws at anything else. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}

/** As we print an id, and in no other spelling: one thing has one address. */
export function isOwnId(text: string): boolean {
  return isUuid(text) && text === text.toLowerCase();
}

/** knex hands arrays and strings to pg as they are; a jsonb column wants text. */
export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

/** One at a time holds a lock of this name, until its transaction ends. */
export async function lockName(trx: Knex, name: string): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [name]);
}

// bigint: sizes of files and counts, all far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * No transaction of ours waits for anything outside, so one that is idle belongs to a process that
 * was stopped or whose machine is gone; nobody waits for its locks without end.
 */
const LIMITS = {
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  idle_in_transaction_session_timeout: 15_000,
  lock_timeout: 30_000,
};

/** `schema`: where its tables are looked for, in place of the database's own choice. */
export function openDatabase(connection: ConnectionOptions, schema?: string): Database {
  return knexModule({
    client: 'pg',
    ...(schema ? { searchPath: [schema] } : {}),
    connection: { ...connection, ...LIMITS },
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: 30_000,
    // knex would print in a form of its own; what it has to say arrives as a rejection as well.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
  });
}

/** A pool for graphile-worker; without listeners an idle connection's error would end the process. */
export function openPool(connection: ConnectionOptions, limits: object = LIMITS): pg.Pool {
  const pool = new pg.Pool({ ...connection, ...limits, max: 10 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Brings schema and queue up to date; processes that start together wait for the first. */
export async function migrate(db: Database, connection: ConnectionOptions): Promise<void> {
  // Without limits: who starts beside a long migration waits for it.
  const pool = openPool(connection, {});
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await db.migrate.latest({ migrationSource });
    await runMigrations({ pgPool: pool, logger: quietWorkerLogger });
  } finally {
    // Ending the session frees the lock, also when the unlocking itself would fail.
    lock.release(true);
    await pool.end();
  }
}

/** The schema changes that this version knows, in order. */
export async function migrationNames(): Promise<string[]> {
  return migrationSource.getMigrations([]);
}

/** Makes these changes, and no others, in a schema that nobody uses. */
export async function migrateThrough(db: Database, names: string[]): Promise<void> {
  for (const name of names) await db.migrate.up({ migrationSource, name });
}

/** Whether a migration of this version is not yet in the database (then the process is not ready). */
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

export async function ping(db: Database): Promise<void> {
  await db.raw('select 1');
}
