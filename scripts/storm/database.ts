// The storm's own PostgreSQL: it can crash and come back, and is asked past all lines.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import type { Hold } from './options.ts';

export type Row = Record<string, unknown>;

export interface StormDatabase extends AsyncDisposable {
  name: string;
  user: string;
  /** Where it listens, also again after a crash. */
  socketPath: string;
  /** Returns the rows; null while the database does not answer. */
  tryQuery(sql: string, values?: unknown[]): Promise<Row[] | null>;
  /** Asks again until the database answers, at most for a minute. */
  query(sql: string, values?: unknown[]): Promise<Row[]>;
  /** PostgreSQL's immediate shutdown, which is a crash. */
  crash(): Promise<void>;
  /** Starts it again after a crash. */
  recover(): Promise<void>;
}

// Three processes have up to some forty connections each.
const SETTINGS = { max_connections: '250' };

export async function startDatabase(folder: string, hold: Hold): Promise<StormDatabase> {
  const log = createLog('error');
  let server: EmbeddedPostgres | null = null;
  let pool: pg.Pool | null = null;
  let release = () => {};
  const start = async () => {
    server = await startEmbeddedPostgres(folder, log, SETTINGS);
    pool = new pg.Pool({ ...server.connection, max: 4, query_timeout: 20_000 });
    pool.on('error', () => {});
    release = hold(readPid(folder));
    return server.connection;
  };
  const stop = async () => {
    await pool?.end().catch(() => {});
    await server?.stop();
    release();
    pool = null;
    server = null;
  };
  const { host, port, user, database } = await start();
  const ask = async (sql: string, values: unknown[]) => {
    if (!pool) throw new Error('The database is away');
    return (await pool.query(sql, values)).rows as Row[];
  };
  return {
    ...{ name: database, user, socketPath: join(host, `.s.PGSQL.${port}`) },
    tryQuery: (sql, values = []) => ask(sql, values).catch(() => null),
    query: (sql, values = []) => askRepeatedly(() => ask(sql, values)),
    async crash() {
      process.kill(readPid(folder), 'SIGQUIT');
      await stop();
    },
    async recover() {
      await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function askRepeatedly(ask: () => Promise<Row[]>): Promise<Row[]> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

function readPid(folder: string): number {
  const [line] = readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split('\n');
  return Number(line);
}
