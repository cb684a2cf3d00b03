// The SQL of a job's moves: each one is a guarded update with its event and its next run.
import type { Knex } from 'knex';
import { json, lockName } from '../base/database.ts';
import { queueChore, unqueue, unqueueAll } from '../queue/queue.ts';
import { removeLinks } from './attempts/links.ts';
import { isFetched, type Job, type JobError, type Patch } from './job.ts';
import { updatePhotos } from './photos.ts';
import { CANCELLABLE_STATES, STATES, type State, type StepName, WORKING_STATES } from './states.ts';
import { countWorking } from './stats.ts';
import { insertEvent, insertEvents, queueNext } from './store.ts';

/**
 * Writes a fresh token into the job's row: from here on only this run may write. Answers undefined
 * when the job is no longer where this step starts.
 */
export async function beginRun(
  db: Knex,
  id: string,
  step: StepName,
  runToken: string,
): Promise<Job | undefined> {
  const states = WORKING_STATES.filter((state) => STATES[state].step === step);
  const [job] = await db('jobs')
    .where({ id })
    .whereIn('state', states)
    .update({ run_token: runToken })
    .returning('*');
  return job;
}

/** Thrown when another run, a cancellation or a deletion has taken the job over. */
export class LostJob extends Error {
  override name = 'LostJob';
}

/** An update that only the run holding the fence may make; throws LostJob otherwise. */
export async function fencedUpdate(
  trx: Knex,
  job: Job,
  changes: Record<string, unknown>,
): Promise<Job> {
  const [row] = await trx('jobs')
    .where({ id: job.id, state: job.state, run_token: job.run_token })
    .update({ ...changes, updated_at: trx.fn.now() })
    .returning('*');
  if (!row) throw new LostJob('The job was taken over by another run, cancelled or deleted');
  return row;
}

/**
 * A transaction in which the job's row is locked and still this run's; throws LostJob otherwise.
 * `current`: as the creator may have changed it since the run began.
 */
export async function withFence<T>(
  db: Knex,
  { id, state, run_token }: Job,
  work: (trx: Knex, current: Job) => Promise<T>,
): Promise<T> {
  return db.transaction(async (trx) => {
    const held = await trx('jobs').where({ id, state, run_token }).forUpdate().first();
    if (!held) throw new LostJob('The job was taken over by another run, cancelled or deleted');
    return work(trx, held);
  });
}

/** Whether this run still holds the job's fence. */
export async function holdsJob(db: Knex, job: Pick<Job, 'id' | 'run_token'>): Promise<boolean> {
  const held = await db('jobs').where({ id: job.id, run_token: job.run_token }).first('id');
  return held !== undefined;
}

/**
 * Marks, by its progress, that the job's source is being fetched; false when `most` of its creator's
 * are already. One at a time judges that of a creator, so that waiting ones do not hold off each other.
 */
export async function beginFetching(db: Knex, job: Job, most: number): Promise<boolean> {
  return db.transaction(async (trx) => {
    const { id, creator_id } = job;
    await lockName(trx, `fetching:${creator_id}`);
    const others = await trx('jobs')
      .where({ creator_id, state: 'accepted' })
      .whereNotNull('run_token')
      .whereNotNull('progress')
      .whereNot({ id })
      .limit(most)
      .pluck('id');
    if (others.length >= most) return false;
    await fencedUpdate(trx, job, { progress: 0 });
    return true;
  });
}

/** One move: guarded update, event, and the next run, in the caller's transaction. */
export async function moveJob(
  trx: Knex,
  job: Job,
  patch: Patch & { state: State },
  event: { name: string; details?: Record<string, unknown> },
): Promise<Job> {
  const { media, error, photos, attempt_outcome, ...plain } = patch;
  const moved = await fencedUpdate(trx, job, {
    ...plain,
    ...(media === undefined ? {} : { media: json(media) }),
    ...(error === undefined ? {} : { error: json(error) }),
    progress: null,
    faults: 0,
    waiting_since: null,
    run_token: null,
    finished_at: STATES[patch.state] === null ? trx.fn.now() : null,
  });
  if (photos) await updatePhotos(trx, job.id, photos);
  if (attempt_outcome !== undefined) await closeAttempts(trx, job.id, attempt_outcome);
  await insertEvent(trx, job.id, event.name, event.details);
  await queueNext(trx, moved);
  await letGoOfCopy(trx, moved);
  return moved;
}

/** What TikTok could pull photos from ends with them. */
export async function closeAttempts(trx: Knex, jobId: string, outcome: string): Promise<void> {
  await removeLinks(trx, jobId);
  await trx('publish_attempts')
    .where({ job_id: jobId, closed_at: null })
    .update({ closed_at: trx.fn.now(), outcome, upload_url: null });
}

/** Whether the last byte may have left: from then on only TikTok's own FAILED ends the job as failed. */
export async function isCommitted(trx: Knex, jobId: string): Promise<boolean> {
  const marked = await trx('publish_attempts')
    .where({ job_id: jobId, closed_at: null })
    .whereNotNull('committed_at')
    .first('id');
  return marked !== undefined;
}

/**
 * Cancels every job of a creator who leaves, except those whose last byte may have left: they are
 * seen through. Their runs find the fence gone and stop.
 */
export async function cancelAllJobs(
  trx: Knex,
  creatorId: string,
  reason?: string,
): Promise<{ cancelled: number; seen_through: number }> {
  const unmarked = `not exists (select from publish_attempts attempts
     where attempts.job_id = jobs.id and attempts.closed_at is null and attempts.committed_at is not null)`;
  // Locked first, judged by a second statement: one that waited for the mark's transaction would
  // still judge by what it saw before.
  const locked = await trx('jobs')
    .where({ creator_id: creatorId })
    .whereIn('state', [...CANCELLABLE_STATES])
    .orderBy('id')
    .forUpdate()
    .pluck('id');
  const cancelled = await trx('jobs')
    .whereRaw('id = any(?)', [locked])
    .whereRaw(unmarked)
    .update({
      state: 'cancelled',
      run_token: null,
      progress: null,
      finished_at: trx.fn.now(),
      updated_at: trx.fn.now(),
    })
    .returning('id');
  const ids = cancelled.map(({ id }) => id as string);
  await unqueueAll(trx, ids);
  if (reason) await insertEvents(trx, ids, 'cancelled', { reason });
  return { cancelled: cancelled.length, seen_through: await countWorking(trx, creatorId) };
}

/** Takes the fence from every run of a creator: none of them writes any more. */
export async function fenceOff(trx: Knex, creatorId: string): Promise<void> {
  await trx('jobs')
    .where({ creator_id: creatorId })
    .whereIn('state', WORKING_STATES)
    .update({ state: 'cancelled', run_token: null, finished_at: trx.fn.now() });
}

/** Ends a job whatever run holds it: for cancellation and for what the caretaker gives up. */
export async function endJob(
  trx: Knex,
  job: Pick<Job, 'id'>,
  state: 'cancelled' | 'failed' | 'finished',
  event: { name: string; details?: Record<string, unknown> },
  error: JobError | null = null,
): Promise<Job> {
  const [row] = await trx('jobs')
    .where({ id: job.id })
    .update({
      state,
      error: json(error),
      run_token: null,
      progress: null,
      finished_at: trx.fn.now(),
      updated_at: trx.fn.now(),
    })
    .returning('*');
  await unqueue(trx, job.id);
  await insertEvent(trx, job.id, event.name, event.details);
  await letGoOfCopy(trx, row);
  return row;
}

/** What was made for the post alone is needed no more; the chore of that name finds it. */
async function letGoOfCopy(trx: Knex, job: Job): Promise<void> {
  if (job.state !== 'finished' && job.state !== 'cancelled') return;
  const isUploadAlone = job.kind === 'video' && !isFetched(job);
  if (isUploadAlone && (!job.output_key || job.output_key === job.source_key)) return;
  await queueChore(trx, 'retention.copies', 'retention.copies');
}

/**
 * Brings the next question about a sent post forward, when TikTok says that something changed. The
 * post must be that account's own; answers its job, or undefined when there is none waiting.
 */
export async function wakeConfirmation(
  db: Knex,
  openId: string,
  publishId: string,
): Promise<string | undefined> {
  return db.transaction(async (trx) => {
    const job = await trx('jobs')
      .join('publish_attempts as attempts', 'attempts.job_id', 'jobs.id')
      .join('creators', 'creators.id', 'jobs.creator_id')
      .where({ 'attempts.publish_id': publishId, 'attempts.closed_at': null })
      .where({ 'creators.open_id': openId, 'jobs.state': 'sent' })
      .forUpdate('jobs')
      .first('jobs.*');
    if (job) await queueNext(trx, job);
    return job?.id;
  });
}
