// The SQL of jobs: inserting, reading, listing and queueing them, and their timelines.
import type { Knex } from 'knex';
import { isOwnId, json } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import { queueStep } from '../queue/queue.ts';
import type { Sources } from './accept/sources.ts';
import type { Job, StoredFile } from './job.ts';
import { insertPhotos } from './photos.ts';
import {
  ALL_STATES,
  STATES,
  type Status,
  toStatus,
  WORKING_STATES,
  type WorkingState,
} from './states.ts';

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

export interface Consent {
  given_through: 'dashboard' | 'api';
  declaration: string;
}

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
  await trx('job_events').insert({ job_id: jobId, name, details: json(details) });
}

/** The same line in the timelines of many jobs. */
export async function insertEvents(
  trx: Knex,
  jobIds: string[],
  name: string,
  details: Record<string, unknown>,
): Promise<void> {
  await trx.raw(
    `insert into job_events (job_id, name, details)
     select id, ?, ?::jsonb from unnest(?::uuid[]) as id`,
    [name, json(details), jobIds],
  );
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

export interface JobFilter {
  status?: Status | undefined;
  /** Where the previous page ended: creation time and id of its last job. */
  after?: { created_at: Date; id: string } | undefined;
  limit: number;
}

/** Newest first. */
export async function listJobs(db: Knex, creatorId: string, filter: JobFilter): Promise<Job[]> {
  const query = db('jobs').where({ creator_id: creatorId });
  if (filter.status) whereStatus(query, filter.status);
  if (filter.after) {
    query.whereRaw('(created_at, id) < (?, ?)', [filter.after.created_at, filter.after.id]);
  }
  return query
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(filter.limit);
}

/** Returns for each video the file that is still stored: the one for TikTok, else the upload. */
export async function listStoredVideos(db: Knex, jobIds: string[]): Promise<StoredFile[]> {
  return db('jobs')
    .leftJoin('media as output', 'output.storage_key', 'jobs.output_key')
    .leftJoin('media as source', 'source.storage_key', 'jobs.source_key')
    .whereIn('jobs.id', jobIds)
    .select('jobs.id as job_id')
    .select(db.raw('coalesce(output.storage_key, source.storage_key) as storage_key'));
}

/** Returns the scheduled job whose time comes first. */
export async function findNextScheduled(db: Knex, creatorId: string): Promise<Job | undefined> {
  const query = db('jobs').where({ creator_id: creatorId });
  whereStatus(query, 'scheduled');
  return query.orderBy('send_at').first();
}

/** The public status derives from state and time, in SQL as in `toStatus`. */
function whereStatus(query: Knex.QueryBuilder, status: Status): void {
  const waiting = ALL_STATES.filter(
    (state) => STATES[state] && toStatus({ state, send_at: new Date(8.64e15) }) === 'scheduled',
  );
  if (status === 'scheduled') query.whereIn('state', waiting).where('send_at', '>', new Date());
  else if (status === 'running') {
    query.where((either) =>
      either
        .whereIn(
          'state',
          WORKING_STATES.filter((state) => !waiting.includes(state)),
        )
        .orWhere((early) => early.whereIn('state', waiting).where('send_at', '<=', new Date())),
    );
  } else query.where('state', status);
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
export async function queueNext(
  trx: Knex,
  job: Pick<Job, 'id' | 'creator_id' | 'state' | 'send_at'>,
): Promise<void> {
  const entry = STATES[job.state as WorkingState];
  if (!entry) return;
  await queueJob(trx, job, entry.waitsForTime ? job.send_at : new Date());
}

/** Queues the next step at `runAt`; the modes are those of `queueStep`. */
export async function queueJob(
  trx: Knex,
  { id, creator_id, state }: Pick<Job, 'id' | 'creator_id' | 'state'>,
  runAt: Date,
  mode?: 'replace' | 'preserve_run_at',
): Promise<void> {
  const { step, attempts, isSerial } = STATES[state as WorkingState];
  const queueName = isSerial ? `creator:${creator_id}` : null;
  await queueStep(trx, { job_id: id, step, run_at: runAt, attempts, queueName }, mode);
}
