// Runs the process of the embedded PostgreSQL: starts one, adopts one that runs, and stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileLock } from './postgres-lock.ts';
import { type Account, commandAs, serverEnvironment } from './postgres-programs.ts';
import { SOCKET_FILES, SOCKET_FOLDER } from './postgres-socket.ts';
import { waitAtMost } from './time.ts';

/** PostgreSQL's name of a setting → its value. */
export type ServerSettings = Record<string, string>;

const SERVER_SETTINGS: ServerSettings = {
  listen_addresses: '',
  // In the cluster, so that every container that has the folder finds the server.
  unix_socket_directories: SOCKET_FOLDER,
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

const WATCH_MS = 500;

/** The server's first process, whose end is the server's end. Its others come and go. */
export interface RunningServer {
  pid: number;
  ended: Promise<void>;
  /** Sends a signal, unless the process has ended. */
  signal(signal: NodeJS.Signals): void;
}

/**
 * Starts the server on the cluster. It inherits `lock`, and so do all of its processes, while we let
 * go of it: so the lock is free exactly when no process uses the cluster.
 */
export function spawnServer(
  cluster: string,
  postgres: string,
  {
    account,
    settings,
    lock,
  }: { account: Account | null; settings: ServerSettings; lock: FileLock },
): RunningServer {
  removeLeftFiles(cluster);
  const all = Object.entries({ ...SERVER_SETTINGS, ...settings });
  const options = all.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, args] = commandAs(account, postgres, ['-D', cluster, ...options]);
  const logPath = findLog(cluster);
  const logFile = openSync(logPath, 'w', 0o600);
  // Detached: Ctrl-C in the terminal must reach us alone, since we stop the server last.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', logFile, logFile, lock.fd],
    cwd: '/',
    env: serverEnvironment(),
  });
  closeSync(logFile);
  lock.release();
  chmodSync(logPath, 0o600);
  child.unref();
  return toServer(child);
}

function toServer(child: ChildProcess): RunningServer {
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return { pid: child.pid ?? 0, ended, signal: (signal) => void child.kill(signal) };
}

const PID_FILE = 'postmaster.pid';

/**
 * Removes what a killed server left. Only the holder of the server's lock may call it. PostgreSQL
 * would refuse to start if another process has the old one's number by now. A server that was
 * started in another way holds no lock, and its file names no such folder of sockets: the file
 * stays, and PostgreSQL judges it.
 */
function removeLeftFiles(cluster: string): void {
  const left = readPidFile(cluster);
  if (left && left.socketFolder !== SOCKET_FOLDER) return;
  for (const name of [PID_FILE, ...SOCKET_FILES]) rmSync(join(cluster, name), { force: true });
}

/** Returns null if there is none. */
function readPidFile(cluster: string): { pid: number; socketFolder: string } | null {
  try {
    const lines = readFileSync(join(cluster, PID_FILE), 'utf8').split('\n');
    return { pid: Number(lines[0]), socketFolder: lines[4]?.trim() ?? '' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Returns the server that `postmaster.pid` names, to be called if one answers. Returns null if that
 * process is not seen from here, as a server in another container is.
 */
export function findServer(cluster: string): RunningServer | null {
  const pid = readPidFile(cluster)?.pid ?? 0;
  const isThere = () => isServer(pid, cluster);
  if (!isThere()) return null;
  const ended = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isThere()) return;
      clearInterval(timer);
      resolve();
    }, WATCH_MS).unref();
  });
  return {
    ...{ pid, ended },
    signal: (signal) => {
      try {
        // Asked anew each time: the number may belong to another process by now.
        if (isThere()) process.kill(pid, signal);
      } catch {
        // It has just ended.
      }
    },
  };
}

/** The server works in the cluster's folder. Not everybody may see where, then its command tells. */
function isServer(pid: number, cluster: string): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    const [there, here] = [statSync(`/proc/${pid}/cwd`), statSync(cluster)];
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(cluster);
    } catch {
      return false;
    }
  }
}

/** Returns the last words of the server's log. */
export function readLog(cluster: string): string {
  return readFileSync(findLog(cluster), 'utf8').trim().slice(-800);
}

function findLog(cluster: string): string {
  return join(dirname(cluster), 'postgres.log');
}

/**
 * Stops the server by SIGINT, PostgreSQL's fast shutdown: it ends the sessions and writes
 * everything to disk. After 20 seconds sends SIGQUIT, and waits for 5 more.
 */
export async function stopServer(server: RunningServer): Promise<void> {
  if (await isEndedBy(server, 'SIGINT', 20_000)) return;
  await isEndedBy(server, 'SIGQUIT', 5000);
}

async function isEndedBy(
  server: RunningServer,
  signal: NodeJS.Signals,
  patienceMs: number,
): Promise<boolean> {
  server.signal(signal);
  return waitAtMost(
    patienceMs,
    server.ended.then(() => true),
    false,
  );
}
