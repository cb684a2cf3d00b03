// The SQL that frees what dead pools held, and clears what the queue can no longer use.
import type { Knex } from 'knex';

/**
 * Frees what these pools held, with the time of each run. The attempt that ended with its process
 * is given back; a file that ends processes is found by its job's own count.
 */
export async function unlockPools(trx: Knex, poolIds: string[]): Promise<void> {
  if (poolIds.length === 0) return;
  await trx.raw(
    `update graphile_worker._private_jobs set attempts = greatest(0, attempts - 1)
      where locked_by = any(?)`,
    [poolIds],
  );
  await trx.raw('select graphile_worker.force_unlock_workers(?::text[])', [poolIds]);
}

/** Ids under which runs or queues have been held for so long, and which no living pool bears. */
export async function findUnownedLocks(trx: Knex, heldMs: number): Promise<string[]> {
  const { rows } = await trx.raw(
    `select distinct locked_by from (
       select locked_by, locked_at from graphile_worker._private_jobs
       union all
       select locked_by, locked_at from graphile_worker._private_job_queues) held
      where locked_by is not null and locked_at <= now() - ? * interval '1 millisecond'
        and not exists (
          select from worker_pools pools
           where pools.pool_id = held.locked_by and not pools.declared_dead)`,
    [heldMs],
  );
  return rows.map((row: { locked_by: string }) => row.locked_by);
}

/** Frees queues held for `idleMs` by a pool that runs nothing of them; clears runs that never run. */
export async function repairQueues(trx: Knex, idleMs: number): Promise<void> {
  await trx.raw(
    `update graphile_worker._private_job_queues queues set locked_by = null, locked_at = null
      where locked_at < now() - ? * interval '1 millisecond' and not exists (
        select from graphile_worker._private_jobs runs
         where runs.job_queue_id = queues.id and runs.locked_by = queues.locked_by)`,
    [idleMs],
  );
  await trx.raw(
    `delete from graphile_worker._private_jobs
      where key is null and locked_at is null and attempts >= max_attempts`,
  );
}

/** Empties the queue of a database whose tables are replaced: its runs are about rows that go. */
export async function clearQueue(run: (sql: string) => Promise<unknown>): Promise<void> {
  for (const table of ['_private_jobs', '_private_job_queues']) {
    await run(
      `do $$ begin
         if to_regclass('graphile_worker.${table}') is not null then
           delete from graphile_worker.${table};
         end if;
       end $$`,
    );
  }
}

const REAPER_LOCK = 715_003;

/** One process at a time takes care, until its transaction ends. */
export async function isOnlyReaper(trx: Knex): Promise<boolean> {
  const { rows } = await trx.raw('select pg_try_advisory_xact_lock(?) as is_ours', [REAPER_LOCK]);
  return rows[0].is_ours;
}

/** Removes named queues that hold nothing: each costs every worker's look-up. */
export async function removeIdleQueues(trx: Knex): Promise<void> {
  await trx.raw(
    `delete from graphile_worker._private_job_queues queues
      where locked_at is null and not exists (
        select from graphile_worker._private_jobs runs where runs.job_queue_id = queues.id)`,
  );
}
