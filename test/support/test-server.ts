// The broker's PostgreSQL, and a clone of its template for whoever asks.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import { copyCluster, PROGRAM, TEMPLATE } from './cluster.ts';
import type { FreshDatabase } from './database.ts';

/** One server for all files, most with an appliance of 20 connections; nothing survives a power cut. */
const SETTINGS = {
  max_connections: '400',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};
const START_MS = 20_000;

export interface TestServer {
  createDatabase(): Promise<FreshDatabase>;
  stop(): Promise<void>;
}

/** Keeps its files in `folder`, which the caller removes. */
export async function startTestServer(folder: string): Promise<TestServer> {
  const cluster = join(folder, 'postgres');
  await copyCluster(cluster);
  await spawnServer(cluster, join(folder, 'socket'));
  // Takes over the running server, as it would one that a killed appliance left behind.
  const postgres = await startEmbeddedPostgres(folder, createLog('error'));
  const client = new pg.Client(postgres.connection);
  client.on('error', () => {});
  await client.connect();
  return serverOf(postgres, client);
}

/** With the product's settings but for ours, which it has no way to be given. */
async function spawnServer(cluster: string, socketFolder: string): Promise<void> {
  const { uid, gid } = statSync(cluster);
  mkdirSync(socketFolder, { mode: 0o755 });
  if (process.getuid?.() === 0) chownSync(socketFolder, uid, gid);
  const settings = { ...productSettings(cluster), ...SETTINGS };
  const options = Object.entries({ ...settings, unix_socket_directories: socketFolder });
  const logPath = join(dirname(cluster), 'postgres.log');
  const logFile = openSync(logPath, 'w', 0o600);
  const child = spawn(
    PROGRAM,
    ['-D', cluster, ...options.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...(process.getuid?.() === 0 ? { uid, gid } : {}),
      detached: true,
      stdio: ['ignore', logFile, logFile],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    },
  );
  closeSync(logFile);
  let fault = '';
  child.on('error', (error) => {
    fault = error.message;
  });
  child.unref();
  const deadline = Date.now() + START_MS;
  while (!existsSync(join(cluster, 'postmaster.pid'))) {
    if (child.pid === undefined || child.exitCode !== null || Date.now() > deadline) {
      const log = readFileSync(logPath, 'utf8').slice(-800);
      throw new Error(`PostgreSQL did not start in ${cluster}: ${fault} ${log}`);
    }
    await sleep(10);
  }
}

/** What the server that made the cluster was started with. */
function productSettings(cluster: string): Record<string, string> {
  const command = readFileSync(join(cluster, 'postmaster.opts'), 'utf8');
  const settings = [...command.matchAll(/"-c" "(\w+)=([^"]*)"/g)];
  return Object.fromEntries(settings.map(([, name, value]) => [name, value]));
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
