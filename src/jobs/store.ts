// The SQL of jobs: every change of state is one guarded update with its event and its next run.
// Long, because the fence, the moves and the lists share one table.
import type { Knex } from 'knex';
import { Problem } from '../errors.ts';
import { queueChore, queueStep, unqueue, unqueueAll } from '../queue.ts';
import type { Job, JobError, Patch } from './job.ts';
import {
  ALL_STATES,
  CANCELLABLE_STATES,
  STATES,
  STATUSES,
  type State,
  type Status,
  type StepName,
  statusOf,
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
  'creator_id' | 'mode' | 'schedule_at' | 'send_at' | 'title' | 'destination' | 'settings' | 'media'
> & { source_key: string };

export interface Consent {
  given_through: 'dashboard' | 'api';
  declaration: string;
}

/** Inserts the job with its consent, first event and first run, all or nothing. */
export async function insertJob(trx: Knex, job: NewJob, consent: Consent): Promise<Job> {
  const [row] = await trx('jobs')
    .insert({
      ...job,
      settings: json(job.settings),
      media: json(job.media),
      state: 'accepted',
    })
    .returning('*');
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
  job_id: string,
  name: string,
  details: Record<string, unknown> = {},
): Promise<void> {
  await trx('job_events').insert({ job_id, name, details: json(details) });
}

/** The same line in the timelines of many jobs. */
async function insertEvents(
  trx: Knex,
  job_ids: string[],
  name: string,
  details: Record<string, unknown>,
): Promise<void> {
  await trx.raw(
    `insert into job_events (job_id, name, details)
     select id, ?, ?::jsonb from unnest(?::uuid[]) as id`,
    [name, json(details), job_ids],
  );
}

/** Throws `not_found`, also for a job of somebody else. */
export async function getJob(db: Knex, creator_id: string, id: string): Promise<Job> {
  const job = isUuid(id) ? await db('jobs').where({ id, creator_id }).first() : undefined;
  if (!job) throw new Problem('not_found', 'There is no such post.');
  return job;
}

/** As getJob, with the row locked until the transaction ends: the other side of the mark. */
export async function lockJob(trx: Knex, creator_id: string, id: string): Promise<Job> {
  const job = isUuid(id)
    ? await trx('jobs').where({ id, creator_id }).forUpdate().first()
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
export async function listJobs(db: Knex, creator_id: string, filter: JobFilter): Promise<Job[]> {
  const query = db('jobs').where({ creator_id });
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

/** The next job that waits for its time. */
export async function findNextScheduled(db: Knex, creator_id: string): Promise<Job | undefined> {
  const query = db('jobs').where({ creator_id });
  whereStatus(query, 'scheduled');
  return query.orderBy('send_at').first();
}

/** Public statuses derive from state and time, in SQL as in `statusOf`. */
function whereStatus(query: Knex.QueryBuilder, status: Status): void {
  const waiting = ALL_STATES.filter(
    (state) => STATES[state] && statusOf({ state, send_at: new Date(8.64e15) }) === 'scheduled',
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

export async function countRecentJobs(db: Knex, creator_id: string): Promise<number> {
  const row = await db('jobs')
    .where({ creator_id })
    .whereNotIn('state', ['failed', 'cancelled'])
    .where('send_at', '>', new Date(Date.now() - 86_400_000))
    .where('send_at', '<=', new Date())
    .count('* as count')
    .first();
  return Number(row?.['count'] ?? 0);
}

export async function listEvents(db: Knex, job_id: string): Promise<JobEvent[]> {
  return db('job_events').where({ job_id }).orderBy('id').select('name', 'details', 'at');
}

/**
 * Writes a fresh token into the job's row: from here on only this run may write. Answers undefined
 * when the job is no longer where this step starts.
 */
export async function beginRun(
  db: Knex,
  id: string,
  step: StepName,
  run_token: string,
): Promise<Job | undefined> {
  const states = WORKING_STATES.filter((state) => STATES[state].step === step);
  const [job] = await db('jobs')
    .where({ id })
    .whereIn('state', states)
    .update({ run_token })
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

/** One move: guarded update, event, and the next run, in the caller's transaction. */
export async function moveJob(
  trx: Knex,
  job: Job,
  patch: Patch & { state: State },
  event: { name: string; details?: Record<string, unknown> },
): Promise<Job> {
  const { media, error, attempt_outcome, ...plain } = patch;
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
  if (attempt_outcome !== undefined) await closeAttempts(trx, job.id, attempt_outcome);
  await insertEvent(trx, job.id, event.name, event.details);
  await queueNext(trx, moved);
  await letGoOfCopy(trx, moved);
  return moved;
}

export async function closeAttempts(trx: Knex, job_id: string, outcome: string): Promise<void> {
  await trx('publish_attempts')
    .where({ job_id, closed_at: null })
    .update({ closed_at: trx.fn.now(), outcome, upload_url: null });
}

/** Whether the last byte may have left: from then on only TikTok's own FAILED ends the job as failed. */
export async function isCommitted(trx: Knex, job_id: string): Promise<boolean> {
  const marked = await trx('publish_attempts')
    .where({ job_id, closed_at: null })
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
  creator_id: string,
  reason?: string,
): Promise<{ cancelled: number; seen_through: number }> {
  const unmarked = `not exists (select from publish_attempts attempts
     where attempts.job_id = jobs.id and attempts.closed_at is null and attempts.committed_at is not null)`;
  // Locked first, judged by a second statement: one that waited for the mark's transaction would
  // still judge by what it saw before.
  const locked = await trx('jobs')
    .where({ creator_id })
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
  return { cancelled: cancelled.length, seen_through: await countWorking(trx, creator_id) };
}

/** Jobs of a creator that have not ended. */
export async function countWorking(db: Knex, creator_id: string): Promise<number> {
  const row = await db('jobs')
    .where({ creator_id })
    .whereIn('state', WORKING_STATES)
    .count('* as count')
    .first();
  return Number(row?.['count'] ?? 0);
}

/** Takes the fence from every run of a creator: none of them writes any more. */
export async function fenceOff(trx: Knex, creator_id: string): Promise<void> {
  await trx('jobs')
    .where({ creator_id })
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
  if (!job.output_key || job.output_key === job.source_key) return;
  await queueChore(trx, 'retention.copies', 'retention.copies');
}

/** Queues the step that the job's state asks for; only sending waits for the planned time. */
export async function queueNext(
  trx: Knex,
  job: Pick<Job, 'id' | 'creator_id' | 'state' | 'send_at'>,
): Promise<void> {
  const entry = STATES[job.state as WorkingState];
  if (!entry) return;
  const run_at = job.state === 'ready' ? job.send_at : new Date();
  await queueStep(trx, { job_id: job.id, creator_id: job.creator_id, step: entry.step, run_at });
}

/**
 * Brings the next question about a sent post forward, when TikTok says that something changed. The
 * post must be that account's own; answers its job, or undefined when there is none waiting.
 */
export async function wakeConfirmation(
  db: Knex,
  open_id: string,
  publish_id: string,
): Promise<string | undefined> {
  return db.transaction(async (trx) => {
    const job = await trx('jobs')
      .join('publish_attempts as attempts', 'attempts.job_id', 'jobs.id')
      .join('creators', 'creators.id', 'jobs.creator_id')
      .where({ 'attempts.publish_id': publish_id, 'attempts.closed_at': null })
      .where({ 'creators.open_id': open_id, 'jobs.state': 'sent' })
      .forUpdate('jobs')
      .first('jobs.*');
    if (job) await queueNext(trx, job);
    return job?.id;
  });
}

/** knex hands arrays and strings to pg as they are; a jsonb column wants text. */
export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}

/** Whether this run still holds the job's fence. */
export async function holdsJob(db: Knex, job: Pick<Job, 'id' | 'run_token'>): Promise<boolean> {
  const held = await db('jobs').where({ id: job.id, run_token: job.run_token }).first('id');
  return held !== undefined;
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

/** A creator's posts by public status; those that occur. */
export async function countByStatus(
  db: Knex,
  creator_id: string,
): Promise<{ status: Status; count: number }[]> {
  const rows = await db('jobs')
    .where({ creator_id })
    .groupByRaw('state, send_at > now()')
    .select('state', db.raw('max(send_at) as send_at'), db.raw('count(*)::int as count'));
  const counts = new Map<Status, number>();
  for (const { count, ...job } of rows) {
    counts.set(statusOf(job), (counts.get(statusOf(job)) ?? 0) + count);
  }
  return STATUSES.flatMap((status) => {
    const count = counts.get(status);
    return count ? [{ status, count }] : [];
  });
}

export async function countByState(db: Knex): Promise<Map<string, number>> {
  const rows = await db('jobs').groupBy('state').select('state').count('* as count');
  return new Map(rows.map((row) => [String(row['state']), Number(row['count'])]));
}

/** Planned time of the longest overdue job that is ready to be sent. */
export async function findOverdue(db: Knex): Promise<Date | null> {
  const row = await db('jobs')
    .where({ state: 'ready' })
    .where('send_at', '<', new Date())
    .min('send_at as first')
    .first();
  return (row?.['first'] as Date | null | undefined) ?? null;
}
