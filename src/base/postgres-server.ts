// Runs the process of the embedded PostgreSQL: finds one that runs, starts one, and stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Account,
  commandAs,
  EmbeddedPostgresFault,
  serverEnvironment,
} from './postgres-programs.ts';

/** The number in the name of the server's Unix socket. */
export const SOCKET_PORT = 5432;
/** PostgreSQL's name of a setting → its value. */
export type ServerSettings = Record<string, string>;

const SERVER_SETTINGS: ServerSettings = {
  listen_addresses: '',
  max_connections: '60',
  // No statement reaches a file, since it may hold somebody's caption or name.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  // Only starts and stops: the message of an error goes to us, and may quote a value.
  log_min_messages: 'log',
  // A segment of the log that is used again would still hold what was deleted.
  wal_recycle: 'off',
  timezone: 'UTC',
};

/** A server process, and the folder of its Unix socket. */
export interface RunningServer {
  pid: number;
  /** Empty while the server is still starting. */
  socketFolder: string;
}

/** As `findRunningServer`, but waits up to 10 seconds for a server that is still starting. */
export async function findStartedServer(cluster: string): Promise<RunningServer | null> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const server = findRunningServer(cluster);
    if (server?.socketFolder !== '' || Date.now() > deadline) return server;
    await sleep(50);
  }
}

/**
 * Returns the server that `postmaster.pid` names, or null. Removes the file if its process is gone
 * or is another program.
 */
export function findRunningServer(cluster: string): RunningServer | null {
  const path = join(cluster, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  const pid = Number(lines[0]);
  const socketFolder = lines[4]?.trim() ?? '';
  // The lock file of a living server must stay: a second server would ruin the cluster.
  if (isOwnServer(pid, cluster)) return { pid, socketFolder };
  rmSync(path, { force: true });
  return null;
}

function isOwnServer(pid: number, cluster: string): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(cluster);
  } catch {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === cluster;
    } catch {
      return false;
    }
  }
}

/** Starts the server on the cluster and returns it once its socket exists. */
export async function spawnServer(
  cluster: string,
  postgres: string,
  { account, settings }: { account: Account | null; settings: ServerSettings },
): Promise<RunningServer> {
  const socketFolder = mkdtempSync(join(tmpdir(), 'pm3k-db-'));
  if (account) chownSync(socketFolder, account.uid, account.gid);
  const all = { ...SERVER_SETTINGS, ...settings, unix_socket_directories: socketFolder };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, args] = commandAs(account, postgres, ['-D', cluster, ...options]);
  const logPath = join(dirname(cluster), 'postgres.log');
  const logFile = openSync(logPath, 'w', 0o600);
  // Detached: Ctrl-C in the terminal must reach us alone, since we stop the server last.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', logFile, logFile],
    cwd: '/',
    env: serverEnvironment(),
  });
  closeSync(logFile);
  chmodSync(logPath, 0o600);
  child.unref();
  await waitForSocket(child, socketFolder, logPath);
  return { pid: child.pid as number, socketFolder };
}

async function waitForSocket(
  child: ChildProcess,
  socketFolder: string,
  logPath: string,
): Promise<void> {
  const socket = join(socketFolder, `.s.PGSQL.${SOCKET_PORT}`);
  const deadline = Date.now() + 60_000;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > deadline) {
      rmSync(socketFolder, { recursive: true, force: true });
      throw new EmbeddedPostgresFault(
        `The embedded PostgreSQL did not start: ${readFileSync(logPath, 'utf8').trim().slice(-800)}`,
      );
    }
    await sleep(20);
  }
}

/**
 * Stops the server by SIGINT, PostgreSQL's fast shutdown: it ends the sessions and writes
 * everything to disk. After 20 seconds sends SIGQUIT.
 */
export async function stopServer(pid: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  try {
    process.kill(pid, 'SIGINT');
    while (Date.now() < deadline) {
      process.kill(pid, 0);
      if (isZombie(pid)) return;
      await sleep(20);
    }
    process.kill(pid, 'SIGQUIT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Sends a signal, also if the server has ended already. */
export function signalServer(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}
