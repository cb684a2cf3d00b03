// The SQL of jobs: inserting, reading, changing and queueing one, and its timeline.
import type { Knex } from 'knex';
import { isOwnId, json } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import { emitAll } from '../events/emit.ts';
import { dropDetails } from '../events/store.ts';
import { type KeyMode, type QueuedStep, queueStep, queueSteps } from '../queue/queue.ts';
import type { Sources } from './accept/sources.ts';
import type { Job } from './job.ts';
import { insertPhotos } from './photos.ts';
import { STATES, type WorkingState } from './states.ts';

export interface JobEvent {
  name: string;
  details: Record<string, unknown>;
  at: Date;
}

export type NewJob = Pick<
  Job,
  | 'creator_id'
  | 'mode'
  | 'schedule_at'
  | 'send_at'
  | 'title'
  | 'description'
  | 'destination'
  | 'settings'
  | 'allow_duplicate'
  | keyof Sources['job']
>;

export type Consent = { given_through: 'dashboard' | 'api'; declaration: string };

/** Inserts the job with its photos, consent, first event and first run, in one transaction. */
export async function insertJob(
  trx: Knex,
  job: NewJob,
  photos: Sources['photos'],
  consent: Consent,
): Promise<Job> {
  const [row] = await trx('jobs')
    .insert({
      ...job,
      settings: json(job.settings),
      media: json(job.media),
      source_request: json(job.source_request),
      state: 'accepted',
    })
    .returning('*');
  await insertPhotos(trx, row.id, photos);
  await insertConsent(trx, row, consent);
  await insertEvent(trx, row.id, 'accepted');
  await queueNext(trx, row);
  return row;
}

/** Stores a consent and voids the one before it. */
export async function insertConsent(trx: Knex, job: Job, consent: Consent): Promise<void> {
  await trx('consents')
    .where({ job_id: job.id, voided_at: null })
    .update({ voided_at: trx.fn.now() });
  await trx('consents').insert({
    job_id: job.id,
    ...consent,
    title: job.title,
    settings: json(job.settings),
  });
}

export async function insertEvent(
  trx: Knex,
  jobId: string,
  name: string,
  details: Record<string, unknown> = {},
): Promise<void> {
  await insertEvents(trx, [jobId], name, details);
}

/** The same line in the timelines of many jobs. The caller holds them locked; subscribers are told. */
export async function insertEvents(
  trx: Knex,
  jobIds: string[],
  name: string,
  details: Record<string, unknown> = {},
): Promise<void> {
  const inserted = trx.raw(
    `insert into job_events (job_id, name, details)
     select id, ?, ?::jsonb from unnest(?::uuid[]) as id
     returning job_id as subject_id, name, details, at`,
    [name, json(details), jobIds],
  );
  await emitAll(trx, 'job', inserted);
}

/** Drops what TikTok told from the timelines of a creator's jobs. */
export async function forgetEvents(trx: Knex, creatorId: string): Promise<void> {
  const { rows } = await trx.raw(
    `update job_events set details = details - 'post_ids' - 'tiktok'
      where job_id in (select id from jobs where creator_id = ?)
        and (jsonb_exists(details, 'post_ids') or jsonb_exists(details, 'tiktok'))
      returning job_id`,
    [creatorId],
  );
  const ids = rows.map((row: { job_id: string }) => row.job_id);
  await dropDetails(trx, [...new Set<string>(ids)], ['post_ids', 'tiktok']);
}

/** @throws Problem `not_found`, also for a job of another creator. */
export async function getJob(db: Knex, creatorId: string, id: string): Promise<Job> {
  const job = isOwnId(id)
    ? await db('jobs').where({ id, creator_id: creatorId }).first()
    : undefined;
  if (!job) throw new Problem('not_found', 'There is no such post.');
  return job;
}

/**
 * Reads a job and locks its row until the transaction ends. The mark is set under the same lock, so
 * a change either comes before it or sees it.
 * @throws Problem `not_found`, also for a job of another creator.
 */
export async function lockJob(trx: Knex, creatorId: string, id: string): Promise<Job> {
  const job = isOwnId(id)
    ? await trx('jobs').where({ id, creator_id: creatorId }).forUpdate().first()
    : undefined;
  if (!job) throw new Problem('not_found', 'There is no such post.');
  return job;
}

export async function listEvents(db: Knex, jobId: string): Promise<JobEvent[]> {
  return db('job_events').where({ job_id: jobId }).orderBy('id').select('name', 'details', 'at');
}

/** Changes a job whose row the caller has locked, without checking the fence. */
export async function updateLockedJob(
  trx: Knex,
  id: string,
  changes: Record<string, unknown>,
): Promise<Job> {
  const [row] = await trx('jobs')
    .where({ id })
    .update({ ...changes, updated_at: trx.fn.now() })
    .returning('*');
  return row;
}

/** Queues the next step of the job, now or at its planned time. Does nothing when it has ended. */
export async function queueNext(trx: Knex, job: QueuedJob): Promise<void> {
  const entry = STATES[job.state as WorkingState];
  if (!entry) return;
  await queueJob(trx, job, findStart(job));
}

/** The same for many jobs at once. */
export async function queueMany(trx: Knex, jobs: QueuedJob[]): Promise<void> {
  const runs = jobs.flatMap((job) => {
    const entry = STATES[job.state as WorkingState];
    return entry ? [toRun(job, findStart(job))] : [];
  });
  if (runs.length > 0) await queueSteps(trx, runs);
}

/** What must be known of a job to queue its next run. */
export type QueuedJob = Pick<
  Job,
  'id' | 'creator_id' | 'state' | 'send_at' | 'permission_lost_at' | 'gives_up_at'
>;

/**
 * Returns when the job's step may start; undefined when it waits for no time. A job without a
 * permission is looked at only when its patience is over, whatever time it was planned for.
 */
export function findStart(
  job: Pick<QueuedJob, 'state' | 'send_at' | 'permission_lost_at' | 'gives_up_at'>,
): Date | undefined {
  if (!STATES[job.state as WorkingState].waitsForTime) return undefined;
  return job.permission_lost_at ? (job.gives_up_at ?? job.permission_lost_at) : job.send_at;
}

/** Queues the next step at `runAt`, or now by the database's time; the modes are those of `queueStep`. */
export async function queueJob(
  trx: Knex,
  job: Pick<Job, 'id' | 'creator_id' | 'state'>,
  runAt: Date | undefined,
  mode?: KeyMode,
): Promise<void> {
  await queueStep(trx, toRun(job, runAt), mode);
}

function toRun(
  { id, creator_id, state }: Pick<Job, 'id' | 'creator_id' | 'state'>,
  runAt: Date | undefined,
): QueuedStep {
  const { step, attempts, isSerial } = STATES[state as WorkingState];
  const queueName = isSerial ? `creator:${creator_id}` : null;
  return { job_id: id, step, run_at: runAt, attempts, queueName };
}
