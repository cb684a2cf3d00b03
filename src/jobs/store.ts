// The SQL of jobs: accepting one, reading one or a list of them, and the lines of their timelines.
import type { Knex } from 'knex';
import { isOwnId, json } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import { emitAll } from '../events/emit.ts';
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

/** Inserts the job with its consent, first event and first run, all or nothing. */
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

/** Throws `not_found`, also for a job of somebody else. */
export async function getJob(db: Knex, creatorId: string, id: string): Promise<Job> {
  const job = isOwnId(id)
    ? await db('jobs').where({ id, creator_id: creatorId }).first()
    : undefined;
  if (!job) throw new Problem('not_found', 'There is no such post.');
  return job;
}

/** As getJob, with the row locked until the transaction ends: the other side of the mark. */
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

/** Of each video the file that is still stored: as TikTok gets it, until that goes, else the upload. */
export async function listStoredVideos(db: Knex, jobIds: string[]): Promise<StoredFile[]> {
  return db('jobs')
    .leftJoin('media as output', 'output.storage_key', 'jobs.output_key')
    .leftJoin('media as source', 'source.storage_key', 'jobs.source_key')
    .whereIn('jobs.id', jobIds)
    .select('jobs.id as job_id')
    .select(db.raw('coalesce(output.storage_key, source.storage_key) as storage_key'));
}

/** The next job that waits for its time. */
export async function findNextScheduled(db: Knex, creatorId: string): Promise<Job | undefined> {
  const query = db('jobs').where({ creator_id: creatorId });
  whereStatus(query, 'scheduled');
  return query.orderBy('send_at').first();
}

/** Public statuses derive from state and time, in SQL as in `statusOf`. */
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

/** An unfenced change of a row that the caller has locked. */
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

/** Queues the step that the job's state asks for, now or at the planned time. */
export async function queueNext(
  trx: Knex,
  job: Pick<Job, 'id' | 'creator_id' | 'state' | 'send_at'>,
): Promise<void> {
  const entry = STATES[job.state as WorkingState];
  if (!entry) return;
  await queueJob(trx, job, entry.waitsForTime ? job.send_at : new Date());
}

/** Queues it at a time of the caller's; the modes are those of `queueStep`. */
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
