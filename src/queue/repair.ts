// The SQL that frees what dead pools held, and clears what the queue can no longer use.
import type { Knex } from 'knex';

/** A condition on a queue: the pool that holds it runs nothing of it. */
const RUNS_NOTHING = `not exists (
  select from graphile_worker._private_jobs runs
   where runs.job_queue_id = queues.id and runs.locked_by = queues.locked_by)`;

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

/** What a pool that broke still runs, and what it may be taking at this moment. */
export interface StillRunning {
  runIds: string[];
  /** For how long its oldest look for work has not been answered. */
  askingMs: number;
}

/**
 * Frees what a broken pool holds and does not run: runs whose end could not be written, and queues.
 * graphile-worker frees whole pools only. A run that had ended is harmless to free: its job has moved
 * on, and a chore may be repeated.
 */
export async function unlockIdle(
  trx: Knex,
  poolId: string,
  { runIds, askingMs }: StillRunning,
): Promise<void> {
  const idle = `locked_by = :poolId
    and locked_at < clock_timestamp() - :askingMs * interval '1 millisecond'`;
  await trx.raw(
    `update graphile_worker._private_jobs set locked_by = null, locked_at = null
      where ${idle} and not id = any(cast(:runIds as bigint[]))`,
    { poolId, askingMs, runIds },
  );
  await trx.raw(
    `update graphile_worker._private_job_queues queues set locked_by = null, locked_at = null
      where ${idle} and ${RUNS_NOTHING}`,
    { poolId, askingMs },
  );
}

/** The longest wait after a fault, in milliseconds, of these tasks and of all others. */
export interface LongestWaits {
  tasks: readonly string[];
  tasksMs: number;
  othersMs: number;
}

/**
 * Bounds how long a failed run waits. graphile-worker waits e^n seconds after the n-th fault, which
 * are hours from the ninth on. A run that asked for its time has no `last_error` and keeps it.
 */
export async function boundWaits(trx: Knex, longest: LongestWaits): Promise<void> {
  await trx.raw(
    `update graphile_worker._private_jobs runs
        set run_at = clock_timestamp() + bounds.longest
       from (select id, cast(case when identifier = any(:tasks) then :tasksMs else :othersMs end as float8)
                    * interval '1 millisecond' as longest
               from graphile_worker._private_tasks) as bounds
      where bounds.id = runs.task_id and runs.locked_at is null and runs.last_error is not null
        and runs.attempts > 0 and runs.run_at > clock_timestamp() + bounds.longest`,
    { ...longest, tasks: [...longest.tasks] },
  );
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
      where locked_at < now() - ? * interval '1 millisecond' and ${RUNS_NOTHING}`,
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

/** Advisory locks, so that one process at a time declares pools dead, or repairs the queue. */
export const REAPER_LOCK = 715_003;
export const REPAIR_LOCK = 715_019;

/** Whether no other process holds the lock; it is then held until the transaction ends. */
export async function isAlone(trx: Knex, lock: number): Promise<boolean> {
  const { rows } = await trx.raw('select pg_try_advisory_xact_lock(?) as is_ours', [lock]);
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
