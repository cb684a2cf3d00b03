// Checks that a backup may be restored here: PM3K is stopped, and no data is overwritten unasked.
import type pg from 'pg';
import { listApplied, MIGRATION_LOCK, migrationNames } from '../../src/base/migrations.ts';
import { recordDeletion } from '../../src/deletion/ledger.ts';
import { ScriptFault } from '../fault.ts';
import type { Place } from './place.ts';

/**
 * Takes the lock that a starting process waits for, so that none starts before this session ends.
 *
 * @throws ScriptFault while a process runs.
 */
export async function assertStopped(client: pg.Client, { config }: Place): Promise<void> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as is_ours', [
    MIGRATION_LOCK,
  ]);
  // The embedded database runs for this script alone; opening it fails if another process uses it.
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

/**
 * Checks that the database is empty, or may be replaced and has this version's schema.
 *
 * @throws ScriptFault
 */
export async function assertReplaceable(client: pg.Client, mayReplace: boolean): Promise<void> {
  if (!(await isThere(client, 'creators'))) return;
  const { rows } = await client.query('select count(*)::int as count from public.creators');
  if (rows[0].count > 0 && !mayReplace) {
    throw new ScriptFault(
      `The database holds ${rows[0].count} creators. Give --replace to put the backup in their place: what came after it is lost. Nothing was changed.`,
    );
  }
  const names = await migrationNames();
  const applied = await listApplied((sql) => client.query(sql));
  if (applied.join() === names.join()) return;
  throw new ScriptFault(
    'The database has the schema of another version of PM3K. Start this version once, or give an empty database. Nothing was changed.',
  );
}

/**
 * Adds people to the ledger who had asked to be deleted and were not yet in it: the rows that know
 * of them are about to be replaced.
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
