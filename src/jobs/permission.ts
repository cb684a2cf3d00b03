// The SQL of what becomes of jobs when TikTok's permission is lost, found again, or removed.
import type { Knex } from 'knex';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { keepUploadsFor } from '../media/expiry.ts';
import { unqueueAll } from '../queue/queue.ts';
import { closeAttempts, forgetAttempts } from './attempts/attempts.ts';
import type { Job } from './job.ts';
import { CANCELLABLE_STATES, WORKING_STATES } from './states.ts';
import { forgetEvents, insertEvents, queueMany } from './store.ts';
import { cancelUnsent, endJob, UNMARKED } from './transitions.ts';
import { choosePatience } from './waiting.ts';

const WAITS = { waiting: 'creator_disconnected' };

/**
 * The permission has lapsed: every job of the creator of which nothing was sent waits for a new one.
 * From here on none of them goes out before the creator agrees again.
 */
export async function holdUnsent(trx: Knex, ctx: Context, creatorId: string): Promise<void> {
  const locked = await trx('jobs')
    .where({ creator_id: creatorId, permission_lost_at: null })
    .whereIn('state', [...CANCELLABLE_STATES])
    .orderBy('id')
    .forUpdate()
    .pluck('id');
  await holdJobs(trx, ctx, creatorId, locked);
}

/**
 * Holds those of these locked jobs whose mark is not set. A run that sends one of them loses its
 * fence; one that prepares the file goes on. If the permission was removed and not only lost, they
 * are cancelled instead.
 */
export async function holdJobs(
  trx: Knex,
  ctx: Context,
  creatorId: string,
  ids: string[],
): Promise<void> {
  const creator = await trx('creators').where({ id: creatorId }).first('removal_reason');
  if (typeof creator?.removal_reason === 'number') return cancelPlans(trx, ctx, creatorId, ids);
  const patience = choosePatience(ctx.config, 'creator_disconnected');
  const held: Job[] = await trx('jobs')
    .whereRaw('id = any(?)', [ids])
    .whereRaw(UNMARKED)
    .update({
      permission_lost_at: trx.fn.now(),
      waiting_code: 'creator_disconnected',
      gives_up_at: trx.raw("now() + ? * interval '1 millisecond'", [patience]),
      run_token: trx.raw("case when state in ('ready', 'sending') then null else run_token end"),
      progress: trx.raw("case when state = 'sending' then null else progress end"),
      state: trx.raw("case when state = 'sending' then 'ready' else state end"),
      updated_at: trx.fn.now(),
    })
    .returning('*');
  const heldIds = held.map(({ id }) => id);
  await closeAttempts(trx, heldIds, { outcome: 'creator_disconnected' });
  await insertEvents(trx, heldIds, 'waiting', WAITS);
  await requeue(
    trx,
    held.filter(({ state }) => state === 'ready'),
  );
}

/** The permission was never lost: a process had new tokens and saved them late. All of it goes on. */
export async function resumeHeld(trx: Knex, creatorId: string): Promise<void> {
  const resumed: Job[] = await trx('jobs')
    .where({ creator_id: creatorId })
    .whereNotNull('permission_lost_at')
    .whereIn('state', [...CANCELLABLE_STATES])
    .update({
      permission_lost_at: null,
      waiting_code: null,
      gives_up_at: trx.raw("waiting_since + interval '25 hours'"),
      updated_at: trx.fn.now(),
    })
    .returning('*');
  await insertEvents(
    trx,
    resumed.map(({ id }) => id),
    'resumed',
  );
  await requeue(
    trx,
    resumed.filter(({ state }) => state === 'ready'),
  );
  await askAgain(trx, creatorId);
}

/** TikTok can be asked again how the posts ended that it has already: it is, at once, for a day. */
export async function askAgain(trx: Knex, creatorId: string): Promise<void> {
  const asked: Job[] = await trx('jobs')
    .where({ creator_id: creatorId, waiting_code: 'creator_disconnected' })
    .whereIn('state', ['sending', 'sent'])
    .update({
      waiting_code: null,
      gives_up_at: null,
      waiting_since: trx.fn.now(),
      updated_at: trx.fn.now(),
    })
    .returning('*');
  await queueMany(trx, asked);
}

/** Ends a locked job whose permission did not come back in time. */
export async function cancelHeld(trx: Knex, ctx: Context, job: Job): Promise<void> {
  const event = { name: 'cancelled', details: { reason: 'permission_lapsed' } };
  await endJob(trx, job, { state: 'cancelled', event, outcome: 'cancelled' });
  await keepPlans(trx, ctx, [job.id]);
}

/**
 * The person removed the permission: what was not sent is cancelled, and what came from TikTok goes.
 * The creator's own words and uploads stay as plans. Posts that TikTok has already can no longer be
 * asked about, so they end unconfirmed.
 */
export async function removePermission(trx: Knex, ctx: Context, creatorId: string): Promise<void> {
  const locked = await trx('jobs')
    .where({ creator_id: creatorId })
    .whereIn('state', WORKING_STATES)
    .orderBy('id')
    .forUpdate()
    .pluck('id');
  await cancelPlans(trx, ctx, creatorId, locked);
  const left = await trx('jobs')
    .whereRaw('id = any(?)', [locked])
    .whereIn('state', WORKING_STATES)
    .update({
      state: 'unconfirmed',
      ...{ run_token: null, progress: null, waiting_code: null },
      finished_at: trx.fn.now(),
      updated_at: trx.fn.now(),
    })
    .returning('id');
  const leftIds = left.map(({ id }) => id as string);
  await unqueueAll(trx, leftIds);
  await insertEvents(trx, leftIds, 'unconfirmed', { reason: 'authorization_removed' });
  await forgetTikTok(trx, creatorId);
}

async function cancelPlans(
  trx: Knex,
  ctx: Context,
  creatorId: string,
  ids: string[],
): Promise<void> {
  const cancelled = await cancelUnsent(trx, creatorId, ids);
  await keepPlans(trx, ctx, cancelled);
  await insertEvents(trx, cancelled, 'cancelled', { reason: 'authorization_removed' });
}

/** Marks cancelled jobs as plans, which keep their uploads for as long as the account waits. */
async function keepPlans(trx: Knex, ctx: Context, ids: string[]): Promise<void> {
  await trx('jobs')
    .whereRaw('id = any(?)', [ids])
    .update({
      permission_lost_at: trx.raw('coalesce(permission_lost_at, now())'),
      ...{ waiting_code: null, gives_up_at: null },
    });
  const keys = await trx('jobs').whereRaw('id = any(?)', [ids]).pluck('source_key');
  const photos = await trx('job_photos').whereRaw('job_id = any(?)', [ids]).pluck('source_key');
  const days = ctx.config.DISCONNECTED_DAYS;
  await keepUploadsFor(
    trx,
    [...keys, ...photos].filter((key) => key !== null),
    days * DAY_MS,
  );
}

/** What TikTok told about the posts of this creator: ids of posts and uploads, and its own words. */
async function forgetTikTok(trx: Knex, creatorId: string): Promise<void> {
  await trx('jobs')
    .where({ creator_id: creatorId })
    .update({
      publish_id: null,
      post_ids: trx.raw("'{}'"),
      error: trx.raw(`case when error is not null then jsonb_set(error, '{tiktok}', 'null') end`),
    });
  await forgetAttempts(trx, creatorId);
  await forgetEvents(trx, creatorId);
}

async function requeue(trx: Knex, jobs: Job[]): Promise<void> {
  // A run that a worker holds is taken out of the queue with its key, and finds its fence gone.
  await unqueueAll(
    trx,
    jobs.map(({ id }) => id),
  );
  await queueMany(trx, jobs);
}
