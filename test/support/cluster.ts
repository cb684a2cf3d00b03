// The files of the tests' PostgreSQL with a migrated template in it, made once and then copied for each run.
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { openDatabase } from '../../src/base/database.ts';
import { startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import { migrate } from '../../src/base/migrations.ts';
import { findPrograms } from '../../src/base/postgres-programs.ts';
import { cachePath } from './cache.ts';

export const TEMPLATE = 'template_pm3k';

const ROOT = resolve(import.meta.dirname, '../..');
const KEPT_MS = 7 * 24 * 3_600_000;

/** Puts the files at `cluster`, owned by whoever may run PostgreSQL. */
export async function copyCluster(cluster: string): Promise<void> {
  const made = cachePath('clusters', clusterHash());
  if (!existsSync(made)) await makeCluster(made);
  // Not by Node, which would not keep the owner.
  const { status, stderr } = spawnSync('cp', ['-a', made, cluster], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The database of the tests was not copied: ${stderr}`);
}

/** Another for each change of what it is made of. */
function clusterHash(): string {
  const own = readFileSync(import.meta.filename, 'utf8');
  const imported = [...own.matchAll(/from '(\.\.\/\.\.\/[^']+)'/g)].map(([, name = '']) =>
    resolve(import.meta.dirname, name),
  );
  const migrations = readdirSync(join(ROOT, 'migrations')).map((name) =>
    join(ROOT, 'migrations', name),
  );
  const hash = createHash('sha256').update(own).update(findPrograms().postgres);
  for (const path of [...imported, ...migrations.sort(), join(ROOT, 'package-lock.json')]) {
    hash.update(`\0${path}\0`).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 32);
}

/** Makes it beside its place. Where two do so at once, the first stays. */
async function makeCluster(made: string): Promise<void> {
  removeOld(dirname(made));
  const folder = `${made}.${randomUUID()}`;
  // PostgreSQL runs as another user when we are root, and must find its files.
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  try {
    const postgres = await startEmbeddedPostgres(folder, createLog('error'));
    await makeTemplate(postgres.connection).finally(() => postgres.stop());
    renameSync(join(folder, 'postgres'), made);
  } catch (error) {
    if (!existsSync(made)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeTemplate(server: {
  host: string;
  port: number;
  user: string;
  database: string;
}) {
  const client = new pg.Client(server);
  await client.connect();
  await client.query(`create database ${TEMPLATE}`).finally(() => client.end());
  const connection = { ...server, database: TEMPLATE };
  const db = openDatabase(connection);
  await migrate(db, connection).finally(() => db.destroy());
}

/** Those of changes that are long merged or given up; a run works on a copy, so nobody misses them. */
function removeOld(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const isOld = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > KEPT_MS;
    if (isOld) rmSync(path, { recursive: true, force: true });
  }
}
