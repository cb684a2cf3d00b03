// The SQL of a job's moves: each one is a guarded update with its event and its next run.
import type { Knex } from 'knex';
import { json } from '../base/database.ts';
import { unqueue, unqueueAll } from '../queue/queue.ts';
import { closeAttempts } from './attempts/attempts.ts';
import type { Job, JobError, Patch } from './job.ts';
import { updatePhotos } from './photos.ts';
import { fencedUpdate } from './run/fence.ts';
import { CANCELLABLE_STATES, STATES, type State, WORKING_STATES } from './states.ts';
import { countWorking } from './stats.ts';
import { insertEvent, queueNext } from './store.ts';

/** One move: guarded update, event, and the next run, in the caller's transaction. */
export async function moveJob(
  trx: Knex,
  job: Job,
  patch: Patch & { state: State },
  event: { name: string; details?: Record<string, unknown> },
): Promise<Job> {
  const { media, error, photos, attempt_outcome, waiting, ...plain } = patch;
  const moved = await fencedUpdate(trx, job, {
    ...plain,
    ...(media === undefined ? {} : { media: json(media) }),
    ...(error === undefined ? {} : { error: json(error) }),
    progress: null,
    faults: 0,
    deaths: 0,
    waiting_since: waiting?.since ?? null,
    // What lost its permission while the step ran goes on to wait for it.
    waiting_code: unlessHeld(trx, 'waiting_code', waiting?.code ?? null),
    gives_up_at: unlessHeld(trx, 'gives_up_at', waiting?.givesUpAt ?? null),
    run_token: null,
    finished_at: STATES[patch.state] === null ? trx.fn.now() : null,
  });
  if (photos) await updatePhotos(trx, job.id, photos);
  if (attempt_outcome !== undefined) {
    // A failure comes from TikTok, or from us before the mark: either way there is no post.
    const isRuledOut = patch.state !== 'finished';
    await closeAttempts(trx, [job.id], { outcome: attempt_outcome, isRuledOut });
  }
  await insertEvent(trx, job.id, event.name, event.details);
  await queueNext(trx, moved);
  return moved;
}

function unlessHeld(
  trx: Knex,
  column: 'waiting_code' | 'gives_up_at',
  value: string | Date | null,
): Knex.Raw {
  return trx.raw('case when permission_lost_at is null then ? else ?? end', [value, column]);
}

/**
 * Cancels every job of a creator who leaves, except those whose last byte may have left: they are
 * seen through. Their runs find the fence gone and stop.
 */
export async function cancelAllJobs(
  trx: Knex,
  creatorId: string,
): Promise<{ cancelled: number; seen_through: number }> {
  const locked = await trx('jobs')
    .where({ creator_id: creatorId })
    .whereIn('state', [...CANCELLABLE_STATES])
    .orderBy('id')
    .forUpdate()
    .pluck('id');
  const cancelled = await cancelUnsent(trx, creatorId, locked);
  return { cancelled: cancelled.length, seen_through: await countWorking(trx, creatorId) };
}

/** True for a job whose last byte cannot have left. */
export const UNMARKED = `not exists (select from publish_attempts attempts
  where attempts.job_id = jobs.id and attempts.closed_at is null and attempts.committed_at is not null)`;

/**
 * Cancels those of these jobs whose mark is not set, and returns them. They are locked by an earlier
 * statement: one that waited for the mark's transaction would still judge by what it saw before.
 */
export async function cancelUnsent(
  trx: Knex,
  creatorId: string,
  locked: string[],
): Promise<string[]> {
  const cancelled = await trx('jobs')
    .whereRaw('id = any(?)', [locked])
    .where({ creator_id: creatorId })
    .whereIn('state', [...CANCELLABLE_STATES])
    .whereRaw(UNMARKED)
    .update({
      state: 'cancelled',
      ...{ run_token: null, progress: null, waiting_code: null },
      finished_at: trx.fn.now(),
      updated_at: trx.fn.now(),
    })
    .returning('id');
  const ids = cancelled.map(({ id }) => id as string);
  await unqueueAll(trx, ids);
  await closeAttempts(trx, ids, { outcome: 'cancelled' });
  return ids;
}

/** Takes the fence from every run of a creator: none of them writes any more. */
export async function fenceOff(trx: Knex, creatorId: string): Promise<void> {
  await trx('jobs')
    .where({ creator_id: creatorId })
    .whereIn('state', WORKING_STATES)
    .update({ state: 'cancelled', run_token: null, finished_at: trx.fn.now() });
}

export interface JobEnd {
  state: 'cancelled' | 'failed' | 'finished';
  event: { name: string; details?: Record<string, unknown> };
  /** How an attempt ended that was still open. */
  outcome: string;
  error?: JobError | null;
  /** What TikTok told of the post. */
  posted?: Partial<Pick<Job, 'publish_id' | 'post_ids'>>;
}

/**
 * Ends a job whatever run holds it, and its open attempt with it: for the creator's word, and for what
 * the caretaker gives up.
 */
export async function endJob(
  trx: Knex,
  job: Pick<Job, 'id'>,
  { state, event, outcome, error = null, posted = {} }: JobEnd,
): Promise<Job> {
  await closeAttempts(trx, [job.id], { outcome });
  const [row] = await trx('jobs')
    .where({ id: job.id })
    .update({
      ...posted,
      state,
      error: json(error),
      ...{ run_token: null, progress: null, waiting_code: null, gives_up_at: null },
      finished_at: trx.fn.now(),
      updated_at: trx.fn.now(),
    })
    .returning('*');
  await unqueue(trx, job.id);
  await insertEvent(trx, job.id, event.name, event.details);
  return row;
}
