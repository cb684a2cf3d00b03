// Connects to PostgreSQL.
import knexModule, { type Knex } from 'knex';
import pg from 'pg';
import { BoundedClient, type BoundedConfig } from './bounded-client.ts';
import { SECOND_MS } from './time.ts';
import { TIMING } from './timing.ts';

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
 * ten seconds. Whoever waits for a lock waits longer than that, and less than the limit of the query.
 */
const SESSION = {
  keepAlive: true,
  keepAliveInitialDelayMillis: 10 * SECOND_MS,
  connectionTimeoutMillis: 10 * SECOND_MS,
  idle_in_transaction_session_timeout: 10 * SECOND_MS,
  lock_timeout: 12 * SECOND_MS,
};

interface DatabaseOptions {
  /** Replaces the database's own search path. */
  schema?: string;
  /** The time limit of a query. */
  limitMs?: number;
  /** For a purpose whose queries are quick: one connection, which is given up sooner than others. */
  isHasty?: boolean;
}

/** Opens the pool that all queries use. */
export function openDatabase(
  connection: ConnectionOptions,
  { schema, limitMs = TIMING.queryMs, isHasty = false }: DatabaseOptions = {},
): Database {
  const hasty = { connectionTimeoutMillis: limitMs, lock_timeout: limitMs };
  const settings = { ...connection, ...SESSION, ...(isHasty ? hasty : {}), limitMs, isHasty };
  const db = knexModule({
    client: 'pg',
    ...(schema ? { searchPath: [schema] } : {}),
    connection: settings,
    pool: { min: 0, max: isHasty ? 1 : 10 },
    acquireConnectionTimeout: 15 * SECOND_MS,
    // knex would print in its own format. Every fault also arrives as a rejection.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
  });
  // knex makes its connections by this class.
  db.client.driver = { Client: BoundedClient };
  return db;
}

/**
 * Opens a pool for graphile-worker, which listens on one connection and asks on the others. The
 * listeners are needed: without them an error of an idle connection would end the process.
 */
export function openPool(
  connection: ConnectionOptions,
  options: Partial<pg.PoolConfig & BoundedConfig> = {},
): pg.Pool {
  const limits = { ...SESSION, limitMs: TIMING.queryMs, max: 3 };
  const pool = new pg.Pool({
    ...{ ...connection, ...limits, ...options },
    Client: BoundedClient as unknown as new () => pg.Client,
  });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  hideCodes(pool);
  return pool;
}

/**
 * A connection that fails with one of these codes is tried again inside graphile-worker, after waits
 * that grow to two minutes. Without the code it is tried at the next poll.
 */
const PATIENT_CODES = ['57P03', 'EHOSTUNREACH', 'ETIMEDOUT'];

function hideCodes(pool: pg.Pool): void {
  type Callback = (error: Error | undefined, ...rest: unknown[]) => void;
  const connect = pool.connect.bind(pool) as (callback?: Callback) => Promise<unknown>;
  const hide = <E>(error: E): E | Error => {
    const { code } = (error ?? {}) as { code?: string };
    return PATIENT_CODES.includes(code ?? '') ? new Error(`No connection: ${code}`) : error;
  };
  pool.connect = ((callback?: Callback) => {
    if (callback) return connect((error, ...rest) => callback(hide(error), ...rest));
    return connect().catch((error) => {
      throw hide(error);
    });
  }) as typeof pool.connect;
}

/** Throws if the database does not answer. */
export async function ping(db: Database): Promise<void> {
  await db.raw('select 1');
}
