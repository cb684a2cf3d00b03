// May a backup be put here: PM3K is stopped, and nobody's data is overwritten unasked.
import type pg from 'pg';
import { MIGRATION_LOCK, migrationNames } from '../../src/base/database.ts';
import { recordDeletion } from '../../src/deletion/ledger.ts';
import { ScriptFault } from '../fault.ts';
import type { Place } from './place.ts';

/**
 * Takes the lock that a starting process waits for, so that none starts before this session ends;
 * throws while one runs.
 */
export async function assertStopped(client: pg.Client, { config }: Place): Promise<void> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as is_ours', [
    MIGRATION_LOCK,
  ]);
  // The embedded database was started for us alone, or starting it has refused.
  const others = config.DATABASE_URL ? await countOthers(client) : 0;
  if (rows[0].is_ours && others === 0) return;
  throw new ScriptFault(
    `PM3K, or another program, is connected to the database (${others} sessions). Stop all of its processes first. Nothing was changed.`,
  );
}

async function countOthers(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()
        and backend_type = 'client backend'`,
  );
  return rows[0].count;
}

/** Throws when there are creators and they may not be replaced. */
export async function assertReplaceable(client: pg.Client, mayReplace: boolean): Promise<void> {
  if (!(await isThere(client, 'creators'))) return;
  const { rows } = await client.query('select count(*)::int as count from public.creators');
  if (rows[0].count > 0 && !mayReplace) {
    throw new ScriptFault(
      `The database holds ${rows[0].count} creators. Give --replace to put the backup in their place: what came after it is lost. Nothing was changed.`,
    );
  }
  const names = await migrationNames();
  const { rows: made } = await client.query('select name from public.knex_migrations order by id');
  if (made.map(({ name }) => name).join() === names.join()) return;
  throw new ScriptFault(
    'The database has the schema of another version of PM3K. Start this version once, or give an empty database. Nothing was changed.',
  );
}

/**
 * Who had asked to be deleted, and was not yet in the ledger, must not come back either: the row that
 * knows of it is about to go.
 */
export async function recordUnfinished(client: pg.Client, place: Place): Promise<void> {
  if (!(await isThere(client, 'deletions'))) return;
  const { rows } = await client.query(
    'select creator_id from public.deletions where creator_id is not null',
  );
  for (const { creator_id } of rows) await recordDeletion(place, creator_id);
}

async function isThere(client: pg.Client, table: string): Promise<boolean> {
  const { rows } = await client.query('select to_regclass($1) is not null as is_there', [
    `public.${table}`,
  ]);
  return rows[0].is_there;
}
