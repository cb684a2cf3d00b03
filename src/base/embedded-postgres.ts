// Runs the PostgreSQL from an npm package if no DATABASE_URL is given: starts, adopts and stops it.
import { rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from './log.ts';
import {
  createCluster,
  EmbeddedPostgresFault,
  findPrograms,
  findServerAccount,
  SUPERUSER,
} from './postgres-programs.ts';
import {
  findRunningServer,
  findStartedServer,
  type RunningServer,
  type ServerSettings,
  SOCKET_PORT,
  signalServer,
  spawnServer,
  stopServer,
} from './postgres-server.ts';

export interface EmbeddedPostgres {
  /** Options for `pg`: a Unix socket in a folder that only the server's user can enter. */
  connection: { host: string; port: number; user: string; database: string };
  /** Resolves if the server ends although nobody called `stop`. */
  died: Promise<void>;
  stop(): Promise<void>;
}

// A session-level lock by which one process owns the server.
const OWNER_LOCK = 715_001;

/**
 * Starts the server on `dataDir/postgres`, or adopts one that a killed process left behind.
 * `settings` are PostgreSQL's own, over those that the product sets.
 * @throws EmbeddedPostgresFault for a reason that the operator must remove.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  log: Logger,
  settings: ServerSettings = {},
): Promise<EmbeddedPostgres> {
  const cluster = resolve(dataDir, 'postgres');
  const programs = findPrograms();
  const account = findServerAccount(programs);
  createCluster(cluster, programs, account);

  const leftOver = await findStartedServer(cluster);
  const server = leftOver ?? (await spawnServer(cluster, programs.postgres, { account, settings }));
  const connection = toConnection(server);
  const owner = await connectAsOwner(connection, cluster);
  let isStopping = false;
  const died = new Promise<void>((resolveDied) => {
    owner.on('error', () => !isStopping && resolveDied());
    owner.on('end', () => !isStopping && resolveDied());
  });
  // If this process exits without calling stop, on a second signal or a fault, the server must end.
  const endWithUs = () => signalServer(server.pid, 'SIGINT');
  process.once('exit', endWithUs);
  log.info({ event: leftOver ? 'postgres.adopted' : 'postgres.started', server_pid: server.pid });

  return {
    connection,
    died,
    async stop() {
      isStopping = true;
      process.off('exit', endWithUs);
      await owner.end().catch(() => {});
      await stopServer(server.pid);
      rmSync(server.socketFolder, { recursive: true, force: true });
    },
  };
}

/** Returns the connection to a running appliance's server, for a script; null if none runs. */
export function findRunningConnection(dataDir: string): EmbeddedPostgres['connection'] | null {
  const server = findRunningServer(resolve(dataDir, 'postgres'));
  return server?.socketFolder ? toConnection(server) : null;
}

function toConnection({ socketFolder }: RunningServer): EmbeddedPostgres['connection'] {
  return { host: socketFolder, port: SOCKET_PORT, user: SUPERUSER, database: 'postgres' };
}

/**
 * Connects once the server is ready, and takes the lock that makes this process its owner.
 * @throws EmbeddedPostgresFault if another process has held the lock for three seconds.
 */
async function connectAsOwner(
  connection: EmbeddedPostgres['connection'],
  cluster: string,
): Promise<pg.Client> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const client = new pg.Client(connection);
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query('select pg_try_advisory_lock($1) as is_ours', [
        OWNER_LOCK,
      ]);
      if (rows[0].is_ours) return client;
      await client.end();
      if (Date.now() > deadline - 57_000) {
        throw new EmbeddedPostgresFault(
          `Another running PM3K uses ${dirname(cluster)}. Stop it first, or give this one another DATA_DIR.`,
        );
      }
    } catch (error) {
      await client.end().catch(() => {});
      if (error instanceof EmbeddedPostgresFault || Date.now() > deadline) throw error;
    }
    await sleep(50);
  }
}
