// The protocol with graphile-worker: the only file that knows how its runs are added, kept and cleared.
import type { Knex } from 'knex';
import type { StepName } from '../jobs/states.ts';

// fetch and prepare give up after this many; e^n seconds between them make about an hour.
const MEDIA_ATTEMPTS = 8;
// The most graphile-worker can hold: publishing keeps its own count and never gives up by attempts.
const ENDLESS_ATTEMPTS = 32_767;

export interface QueuedStep {
  job_id: string;
  creator_id: string;
  step: StepName;
  run_at: Date;
}

/**
 * Adds the job's next run in the caller's transaction. One key per job, so a job never has two
 * waiting runs. `replace` is for moves and wakes: it sets the time. `preserve_run_at` is for a run
 * that asks to be run again: were a wake added meanwhile, its earlier time stays.
 */
export async function queueStep(
  trx: Knex,
  { job_id, creator_id, step, run_at }: QueuedStep,
  mode: 'replace' | 'preserve_run_at' = 'replace',
): Promise<void> {
  const isMedia = step.startsWith('media.');
  // Posts of one creator go one after another; other steps need no order.
  const queueName = step === 'publish.send' ? `creator:${creator_id}` : null;
  await trx.raw(
    `select graphile_worker.add_job(
       ?::text, payload := ?::json, queue_name := ?::text, run_at := ?::timestamptz,
       max_attempts := ?::int, job_key := ?::text, job_key_mode := ?::text)`,
    [
      step,
      JSON.stringify({ job_id }),
      queueName,
      run_at,
      isMedia ? MEDIA_ATTEMPTS : ENDLESS_ATTEMPTS,
      jobKey(job_id),
      mode,
    ],
  );
}

/** Takes a waiting run out; one that is running finds its job moved on, and stops by itself. */
export async function unqueue(trx: Knex, jobId: string): Promise<void> {
  await trx.raw('select graphile_worker.remove_job(?)', [jobKey(jobId)]);
}

/** Takes the waiting runs of many jobs out at once. */
export async function unqueueAll(trx: Knex, jobIds: string[]): Promise<void> {
  await trx.raw('select graphile_worker.remove_job(key) from unnest(?::text[]) as key', [
    jobIds.map(jobKey),
  ]);
}

/** Adds a chore to be run once, now or at a time; a second one under the same key replaces it. */
export async function queueChore(
  trx: Knex,
  name: string,
  key: string,
  payload = {},
  runAt = new Date(),
): Promise<void> {
  await trx.raw(
    `select graphile_worker.add_job(
       ?::text, payload := ?::json, run_at := ?::timestamptz, max_attempts := ?::int,
       job_key := ?::text)`,
    [name, JSON.stringify(payload), runAt, ENDLESS_ATTEMPTS, key],
  );
}

/** Of these chores' keys, those that have a run which will still be made. */
export async function findQueuedKeys(db: Knex, keys: string[]): Promise<Set<string>> {
  const { rows } = await db.raw(
    'select key from graphile_worker._private_jobs where key = any(?) and attempts < max_attempts',
    [keys],
  );
  return new Set(rows.map((row: { key: string }) => row.key));
}

/** How many runs of these jobs a worker holds at this moment. */
export async function countHeldRuns(db: Knex, creatorId: string): Promise<number> {
  const { rows } = await db.raw(
    `select count(*)::int as count from graphile_worker._private_jobs runs
      where runs.locked_at is not null and exists (
        select from jobs where jobs.creator_id = ? and jobs.id::text = runs.payload ->> 'job_id')`,
    [creatorId],
  );
  return rows[0].count;
}

/** What the queue holds of a creator beside the runs of jobs: the name of the queue for sending. */
export async function removeCreatorQueue(
  trx: Knex,
  creatorId: string,
): Promise<Record<string, number>> {
  const table = 'graphile_worker._private_job_queues';
  const { rowCount } = await trx.raw(`delete from ${table} queues where queue_name = ?`, [
    `creator:${creatorId}`,
  ]);
  return { [table]: rowCount };
}

/** Frees what these pools held; the runs keep their attempts and their time. */
export async function unlockPools(trx: Knex, poolIds: string[]): Promise<void> {
  if (poolIds.length === 0) return;
  await trx.raw('select graphile_worker.force_unlock_workers(?::text[])', [poolIds]);
}

/** Ids under which runs or queues have been held for so long, and which no living pool bears. */
export async function findUnownedLocks(trx: Knex, seconds: number): Promise<string[]> {
  const { rows } = await trx.raw(
    `select distinct locked_by from (
       select locked_by, locked_at from graphile_worker._private_jobs
       union all
       select locked_by, locked_at from graphile_worker._private_job_queues) held
      where locked_by is not null and locked_at <= now() - ? * interval '1 second'
        and not exists (
          select from worker_pools pools
           where pools.pool_id = held.locked_by and not pools.declared_dead)`,
    [seconds],
  );
  return rows.map((row: { locked_by: string }) => row.locked_by);
}

/** Frees queues whose holder runs nothing of them, and clears runs that can never run again. */
export async function repairQueues(trx: Knex): Promise<void> {
  await trx.raw(
    `update graphile_worker._private_job_queues queues set locked_by = null, locked_at = null
      where locked_at < now() - interval '30 seconds' and not exists (
        select from graphile_worker._private_jobs runs
         where runs.job_queue_id = queues.id and runs.locked_by = queues.locked_by)`,
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

export interface OrphanedJob {
  id: string;
  creator_id: string;
  state: string;
  send_at: Date;
  /** Its last run died on its last attempt, and graphile-worker will never touch it again. */
  is_exhausted: boolean;
}

/** Jobs that ought to move and have no run that could move them. */
export async function findOrphanedJobs(
  trx: Knex,
  workingStates: readonly string[],
): Promise<OrphanedJob[]> {
  const { rows } = await trx.raw(
    `select jobs.id, jobs.creator_id, jobs.state, jobs.send_at,
            runs.id is not null and runs.attempts >= runs.max_attempts as is_exhausted
       from jobs
       left join graphile_worker._private_jobs runs on runs.key = 'job:' || jobs.id
      where jobs.state = any(?)
        and jobs.updated_at < now() - interval '5 seconds'
        and (runs.id is null
          or (runs.attempts >= runs.max_attempts and runs.locked_at is null)
          -- Its queue was tidied away while it was being added: it would never be taken.
          or (runs.locked_at is null and runs.job_queue_id is not null and not exists (
            select from graphile_worker._private_job_queues queues
             where queues.id = runs.job_queue_id)))
        and not exists (
          select from graphile_worker._private_jobs held
           where held.locked_at is not null and held.payload ->> 'job_id' = jobs.id::text)
      order by jobs.updated_at
      limit 500
        for update of jobs skip locked`,
    [[...workingStates]],
  );
  return rows as OrphanedJob[];
}

/** Removes named queues that hold nothing: each costs every worker's look-up. */
export async function removeIdleQueues(trx: Knex): Promise<void> {
  await trx.raw(
    `delete from graphile_worker._private_job_queues queues
      where locked_at is null and not exists (
        select from graphile_worker._private_jobs runs where runs.job_queue_id = queues.id)`,
  );
}

function jobKey(jobId: string): string {
  return `job:${jobId}`;
}
