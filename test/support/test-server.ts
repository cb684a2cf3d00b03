// The broker's PostgreSQL, and a clone of its template for whoever asks.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import { copyCluster, TEMPLATE } from './cluster.ts';
import type { FreshDatabase } from './database.ts';

/** One server for all files, most with an appliance of 20 connections; nothing survives a power cut. */
const SETTINGS = {
  max_connections: '400',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

export interface TestServer {
  createDatabase(): Promise<FreshDatabase>;
  stop(): Promise<void>;
}

/** Keeps its files in `folder`, which the caller removes. */
export async function startTestServer(folder: string): Promise<TestServer> {
  await copyCluster(join(folder, 'postgres'));
  const postgres = await startEmbeddedPostgres(folder, createLog('error'), SETTINGS);
  const client = new pg.Client(postgres.connection);
  client.on('error', () => {});
  await client.connect();
  return serverOf(postgres, client);
}

function serverOf(postgres: EmbeddedPostgres, client: pg.Client): TestServer {
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
