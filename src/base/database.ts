// Connects to PostgreSQL.
import knexModule, { type Knex } from 'knex';
import pg from 'pg';

export type Database = Knex;
export type ConnectionOptions =
  | { connectionString: string }
  | { host: string; port: number; user: string; database: string };

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

/** Waits for the advisory lock of this name and holds it until the transaction ends. */
export async function lockName(trx: Knex, name: string): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [name]);
}

/** Takes the same lock if it is free, and holds it until the transaction ends; else returns false. */
export async function tryLockName(trx: Knex, name: string): Promise<boolean> {
  const { rows } = await trx.raw(
    'select pg_try_advisory_xact_lock(hashtextextended(?, 0)) as is_ours',
    [name],
  );
  return rows[0].is_ours;
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

/** Throws if the database does not answer. */
export async function ping(db: Database): Promise<void> {
  await db.raw('select 1');
}
