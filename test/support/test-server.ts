// The broker's PostgreSQL: a migrated template, and a clone of it for whoever asks.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrate, openDatabase } from '../../src/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres.ts';
import { createLog } from '../../src/log.ts';
import type { FreshDatabase } from './database.ts';

const TEMPLATE = 'template_pm3k';
/** Nothing here has to survive a power cut. */
const FASTER = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

export interface TestServer {
  createDatabase(): Promise<FreshDatabase>;
  stop(): Promise<void>;
}

/** Keeps its files in `folder`, which the caller removes. */
export async function startTestServer(folder: string): Promise<TestServer> {
  const postgres = await startEmbeddedPostgres(folder, createLog('error'));
  try {
    return await prepare(postgres);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function prepare(postgres: EmbeddedPostgres): Promise<TestServer> {
  const client = new pg.Client(postgres.connection);
  client.on('error', () => {});
  await client.connect();
  for (const [name, value] of Object.entries(FASTER)) {
    await client.query(`alter system set ${name} = ${value}`);
  }
  await client.query('select pg_reload_conf()');
  await client.query(`create database ${TEMPLATE}`);
  const connection = { ...postgres.connection, database: TEMPLATE };
  const db = openDatabase(connection);
  await migrate(db, connection).finally(() => db.destroy());
  let queue: Promise<unknown> = Promise.resolve();
  return {
    async createDatabase() {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      // Without fsync, copying files is quicker than writing them to the log.
      const sql = `create database ${name} template ${TEMPLATE} strategy file_copy`;
      // One at a time: the client takes the next query only after the last one's answer.
      const made = queue.then(() => client.query(sql));
      queue = made.catch(() => {});
      await made;
      const { host, port, user } = postgres.connection;
      const url = `postgres://${user}@localhost:${port}/${name}?host=${encodeURIComponent(host)}`;
      return { connection: { ...postgres.connection, database: name }, url };
    },
    async stop() {
      await client.end().catch(() => {});
      await postgres.stop();
    },
  };
}
