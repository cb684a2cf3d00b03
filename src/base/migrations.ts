// Applies the migrations behind an advisory lock, and records which were applied.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runMigrations } from 'graphile-worker';
import type { Knex } from 'knex';
import { withQueryLimit } from './bounded-client.ts';
import { type ConnectionOptions, type Database, openPool } from './database.ts';
import { quietWorkerLogger } from './log.ts';
import { assertColumns, SchemaFault } from './schema-check.ts';
import { QUERY_LIMITS } from './timing.ts';

const FOLDER = join(import.meta.dirname, '../../migrations');
// An arbitrary number that only we use. It must be the same in every process of an instance.
export const MIGRATION_LOCK = 715_002;

/**
 * Up to this one, migrations are recorded in `knex_migrations`. Versions that use knex for it are
 * not ready, and do not start, when they find a name there that they do not know. Later ones are
 * recorded in `schema_migrations`, so that such a version can run until it is replaced.
 */
const LAST_OF_KNEX = '0013_posting_defaults.ts';

/** A name under which a database may have recorded a migration → the name of its file. */
const RENAMED = { '0016_job_sources.ts': '0015_job_sources.ts' };

/**
 * Migrates our tables and the queue's. Processes that start together wait for the first one.
 *
 * @throws SchemaFault if the database was migrated by a newer version, or lacks a column.
 */
export async function migrate(db: Database, connection: ConnectionOptions): Promise<void> {
  // No limits, so that a process that starts during a long migration waits for it.
  const limits = { limitMs: Number.POSITIVE_INFINITY, lock_timeout: 0 };
  const pool = openPool(connection, limits);
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await withQueryLimit(QUERY_LIMITS.migration, () => applyMissing(db));
    await assertColumns(db);
    await runMigrations({ pgPool: pool, logger: quietWorkerLogger });
  } finally {
    // Ending the session releases the lock even if an unlock would fail.
    lock.release(true);
    await pool.end();
  }
}

async function applyMissing(db: Database): Promise<void> {
  await createRecords(db);
  const applied = await listApplied((sql) => db.raw(sql));
  const names = await migrationNames();
  assertKnown(applied, names);
  await applyAll(
    db,
    names.filter((name) => !applied.includes(name)),
  );
}

/** Returns the names of the migrations of this version, in order. */
export async function migrationNames(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((name) => name.endsWith('.ts')).sort();
}

/** Runs these migrations and no others, in a schema that no process uses. */
export async function migrateThrough(db: Database, names: string[]): Promise<void> {
  await withQueryLimit(QUERY_LIMITS.migration, async () => {
    await createRecords(db);
    await applyAll(db, names);
  });
}

/**
 * Returns false if the database lacks a migration of this version; the process is then not ready.
 * Migrations of a newer version leave an older one ready: they may only add what it does not use.
 */
export async function isMigrated(db: Database): Promise<boolean> {
  const applied = await listApplied((sql) => db.raw(sql));
  return (await migrationNames()).every((name) => applied.includes(name));
}

/** Returns the names of the migrations that this database has, in order. */
export async function listApplied(
  query: (sql: string) => PromiseLike<{ rows: { name: string | null }[] }>,
): Promise<string[]> {
  const { rows } = await query(
    `select to_regclass(name)::text as name
       from unnest(array['knex_migrations', 'schema_migrations']) as name`,
  );
  // A version that uses knex for its migrations made no second table.
  const tables = rows.flatMap(({ name }) => name ?? []);
  if (tables.length === 0) return [];
  const { rows: applied } = await query(
    tables.map((table) => `select name from ${table}`).join(' union '),
  );
  return applied.flatMap(({ name }) => name ?? []).sort();
}

/** Creates the two tables of names; `knex_migrations` as knex does, for the versions that read it. */
async function createRecords(db: Database): Promise<void> {
  await db.raw(`
    create table if not exists knex_migrations (
      id serial primary key, name varchar(255), batch integer, migration_time timestamptz
    );
    create table if not exists knex_migrations_lock (index serial primary key, is_locked integer);
    insert into knex_migrations_lock (is_locked)
      select 0 where not exists (select from knex_migrations_lock);
    -- The advisory lock is ours, so whoever has set this flag was killed.
    update knex_migrations_lock set is_locked = 0 where is_locked <> 0;
    create table if not exists schema_migrations (
      name text primary key, applied_at timestamptz not null default now()
    );
  `);
  for (const [from, to] of Object.entries(RENAMED)) {
    await db('knex_migrations').where({ name: from }).update({ name: to });
  }
}

function assertKnown(applied: string[], names: string[]): void {
  const unknown = applied.find((name) => !names.includes(name));
  if (!unknown) return;
  throw new SchemaFault(
    `This database was made ready by a newer version of PM3K: it has the migration ${unknown}, which this version does not know. Start that version, or restore a backup.`,
  );
}

/**
 * The migrations and their records are one transaction: a process may be killed at any time, and
 * those of the version before never see what one migration takes away and a later one brings back.
 */
async function applyAll(db: Database, names: string[]): Promise<void> {
  await db.transaction(async (trx) => {
    for (const name of names) {
      const { up } = (await import(join(FOLDER, name))) as { up(knex: Knex): Promise<void> };
      await up(trx);
      if (name > LAST_OF_KNEX) await trx('schema_migrations').insert({ name });
      else {
        const record = { name, batch: 1, migration_time: trx.fn.now() };
        await trx('knex_migrations').insert(record);
      }
    }
  });
}
