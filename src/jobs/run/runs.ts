// The SQL of jobs and their runs in the queue: which a worker holds, and which jobs have none.
import type { Knex } from 'knex';
import type { Job } from '../job.ts';

/** How many runs about a creator or their jobs a worker holds at this moment. */
export async function countHeldRuns(db: Knex, creatorId: string): Promise<number> {
  const { rows } = await db.raw(
    `select count(*)::int as count from graphile_worker._private_jobs runs
      where runs.locked_at is not null and (runs.payload ->> 'creator_id' = ? or exists (
        select from jobs where jobs.creator_id = ? and jobs.id::text = runs.payload ->> 'job_id'))`,
    [creatorId, creatorId],
  );
  return rows[0].count;
}

/**
 * How many other jobs of the creator are being fetched, at most `most`. A fetch that failed, or whose
 * process died, is held by no worker until it is made again.
 */
export async function countOtherFetches(
  trx: Knex,
  { id, creator_id }: { id: string; creator_id: string },
  most: number,
): Promise<number> {
  const { rows } = await trx.raw(
    `select 1 from jobs
      where creator_id = ? and state = 'accepted' and progress is not null and id <> ?
        and exists (
          select from graphile_worker._private_jobs runs
           where runs.key = 'job:' || jobs.id and runs.locked_at is not null)
      limit ?`,
    [creator_id, id, most],
  );
  return rows.length;
}

export interface OrphanedJob {
  id: string;
  creator_id: string;
  state: Job['state'];
  send_at: Date;
  permission_lost_at: Date | null;
  gives_up_at: Date | null;
  /** Its last run died on its last attempt, and graphile-worker will never touch it again. */
  is_exhausted: boolean;
}

/** Jobs that ought to move, did not change for `stillMs`, and have no run that could move them. */
export async function findOrphanedJobs(
  trx: Knex,
  workingStates: readonly string[],
  stillMs: number,
): Promise<OrphanedJob[]> {
  const { rows } = await trx.raw(
    `select jobs.id, jobs.creator_id, jobs.state, jobs.send_at,
            jobs.permission_lost_at, jobs.gives_up_at,
            runs.id is not null and runs.attempts >= runs.max_attempts as is_exhausted
       from jobs
       left join graphile_worker._private_jobs runs on runs.key = 'job:' || jobs.id
      where jobs.state = any(?)
        and jobs.updated_at < now() - ? * interval '1 millisecond'
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
    [[...workingStates], stillMs],
  );
  return rows as OrphanedJob[];
}
