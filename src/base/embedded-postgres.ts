// Runs the PostgreSQL from an npm package if no DATABASE_URL is given: starts, adopts and stops it.
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertLocalDisk } from './local-disk.ts';
import type { Logger } from './log.ts';
import { type FileLock, tryLock } from './postgres-lock.ts';
import {
  createCluster,
  EmbeddedPostgresFault,
  findPrograms,
  findServerAccount,
  removeHalfMade,
} from './postgres-programs.ts';
import {
  findServer,
  type RunningServer,
  readLog,
  type ServerSettings,
  spawnServer,
  stopServer,
} from './postgres-server.ts';
import { askServer, createConnection, type SocketConnection } from './postgres-socket.ts';

export interface EmbeddedPostgres {
  connection: SocketConnection;
  /** Resolves if the server ends although nobody called `stop`. */
  died: Promise<void>;
  stop(): Promise<void>;
}

/** Held by the process that owns the cluster: the kernel lifts it when that process has ended. */
const OWNER_LOCK = 'owner.lock';
/** Held by every process of PostgreSQL, which outlives a killed owner. */
const SERVER_LOCK = 'server.lock';
/** How long an owner that has just been killed may take to be gone. */
const OWNER_PATIENCE_MS = 3000;
const SERVER_PATIENCE_MS = 60_000;
const SCRIPT_PATIENCE_MS = 10_000;

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
  const programs = findPrograms();
  mkdirSync(dataDir, { recursive: true });
  const cluster = findCluster(dataDir);
  const account = findServerAccount(programs, cluster);
  assertLocalDisk(cluster);
  createCluster(cluster, programs, account);
  const owner = await lockAsOwner(cluster);
  try {
    removeHalfMade(cluster);
    const connection = createConnection(cluster);
    const spawnLocked = (lock: FileLock) =>
      spawnServer(cluster, programs.postgres, { account, settings, lock });
    const { server, event } = await takeServer(cluster, connection, spawnLocked);
    log.info({ event, server_pid: server.pid });
    return ownServer(server, connection, owner);
  } catch (error) {
    owner.release();
    throw error;
  }
}

/**
 * Returns the connection to a running appliance's server, for a script; null if none runs. It only
 * looks: it removes and starts nothing.
 */
export async function findRunningConnection(dataDir: string): Promise<SocketConnection | null> {
  if (!existsSync(dataDir)) return null;
  const connection = createConnection(findCluster(dataDir));
  const deadline = performance.now() + SCRIPT_PATIENCE_MS;
  for (;;) {
    const state = await askServer(connection);
    if (state === 'silent') return null;
    if (state === 'ready' || performance.now() > deadline) return connection;
    await sleep(100);
  }
}

/** The same for every way to the folder. */
function findCluster(dataDir: string): string {
  return join(realpathSync(dataDir), 'postgres');
}

/** @throws EmbeddedPostgresFault if another process goes on owning the cluster. */
async function lockAsOwner(cluster: string): Promise<FileLock> {
  const deadline = performance.now() + OWNER_PATIENCE_MS;
  for (;;) {
    const lock = tryLock(join(cluster, OWNER_LOCK));
    if (lock) return lock;
    if (performance.now() > deadline) {
      throw new EmbeddedPostgresFault(
        `Another running PM3K uses this DATA_DIR, ${join(cluster, '..')}, here or in another container. Stop it first, or give this one another DATA_DIR.`,
      );
    }
    await sleep(200);
  }
}

/** Starts the server if no process of PostgreSQL uses the cluster, else adopts the one that does. */
async function takeServer(
  cluster: string,
  connection: SocketConnection,
  spawnLocked: (lock: FileLock) => RunningServer,
): Promise<{ server: RunningServer; event: string }> {
  const deadline = performance.now() + SERVER_PATIENCE_MS;
  for (;;) {
    const lock = tryLock(join(cluster, SERVER_LOCK));
    if (lock) {
      const server = spawnLocked(lock);
      await waitUntilReady(server, cluster, connection);
      return { server, event: 'postgres.started' };
    }
    // The socket lies in the cluster, so whoever answers there is the one that has the lock.
    const state = await askServer(connection);
    if (state === 'ready') return { server: getServer(cluster), event: 'postgres.adopted' };
    if (state === 'silent' && performance.now() > deadline) {
      throw new EmbeddedPostgresFault(
        `A PostgreSQL uses ${cluster}, but does not answer. End it, and start again.`,
      );
    }
    await sleep(100);
  }
}

/** @throws EmbeddedPostgresFault if the process cannot be seen, and so could not be stopped. */
function getServer(cluster: string): RunningServer {
  const server = findServer(cluster);
  if (server) return server;
  throw new EmbeddedPostgresFault(
    `The PM3K that used ${cluster} has ended, but its PostgreSQL still runs in another container. Stop that container first.`,
  );
}

/** A recovery may take long, so a server that says that it is starting has all the time. */
async function waitUntilReady(
  server: RunningServer,
  cluster: string,
  connection: SocketConnection,
): Promise<void> {
  const deadline = performance.now() + SERVER_PATIENCE_MS;
  const ended = server.ended.then(() => 'ended' as const);
  for (;;) {
    const state = await Promise.race([ended, askServer(connection)]);
    if (state === 'ready') return;
    if (state === 'ended' || (state === 'silent' && performance.now() > deadline)) {
      server.signal('SIGINT');
      throw new EmbeddedPostgresFault(explainEnd(readLog(cluster)));
    }
    await Promise.race([ended, sleep(20)]);
  }
}

function explainEnd(log: string): string {
  // PostgreSQL's own judgement of a server that was not started under our lock.
  const isTaken = /"postmaster.pid" already exists|pre-existing shared memory/.test(log);
  const advice = isTaken
    ? 'Another PostgreSQL uses the database, perhaps that of an older PM3K: stop it first. '
    : '';
  return `The embedded PostgreSQL did not start. ${advice}It said: ${log}`;
}

function ownServer(
  server: RunningServer,
  connection: SocketConnection,
  owner: FileLock,
): EmbeddedPostgres {
  let isStopping = false;
  // If this process exits without calling stop, on a second signal or a fault, the server must end.
  const endWithUs = () => server.signal('SIGINT');
  process.once('exit', endWithUs);
  return {
    connection,
    // A backend that dies is none of this: the server recovers, and the pools connect again.
    died: new Promise((resolve) => void server.ended.then(() => !isStopping && resolve())),
    async stop() {
      isStopping = true;
      process.off('exit', endWithUs);
      await stopServer(server);
      owner.release();
    },
  };
}
