// The commands on an accepted job: cancel it, retry it, or say how an unconfirmed one ended.
import type { Knex } from 'knex';
import { readDatabaseTime } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { lockToPost } from '../creators/leaving.ts';
import { assertMayPost } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { lockFile, lockManyMedia, lockMedia } from '../media/locks.ts';
import { assertNoDuplicate, reserveTime } from './accept/limits.ts';
import { askTikTok, assertUnchanged } from './attempts/ask.ts';
import { closeAttempts, isCommitted } from './attempts/attempts.ts';
import { isFetched, type Job } from './job.ts';
import { assertNothingLost } from './nothing-lost.ts';
import { listPhotos, resetPhotos } from './photos.ts';
import { CANCELLABLE_STATES, STATES, type WorkingState } from './states.ts';
import { getJob, insertEvent, lockJob, queueNext, updateLockedJob } from './store.ts';
import { endJob } from './transitions.ts';

/**
 * Cancels a job before the mark; after it the last byte may have been sent. A job that is cancelled
 * already is returned as it is.
 * @throws Problem `not_found`, `state_conflict`.
 */
export async function cancelJob(ctx: Context, creatorId: string, id: string): Promise<Job> {
  return ctx.db.transaction(async (trx) => {
    const job = await lockJob(trx, creatorId, id);
    if (job.state === 'cancelled') return job;
    const isEarly = (CANCELLABLE_STATES as readonly string[]).includes(job.state);
    if (!isEarly || (await isCommitted(trx, id))) {
      throw new Problem(
        'state_conflict',
        isEarly || job.state === 'sent'
          ? 'The video is already with TikTok, so it cannot be cancelled any more.'
          : `The post has already ended (${job.state}).`,
      );
    }
    const event = { name: 'cancelled' };
    return endJob(trx, job, { state: 'cancelled', event, outcome: 'cancelled' });
  });
}

/**
 * Starts a failed job again. TikTok is asked before about each attempt that may have been posted.
 * @throws Problem `not_found`, `state_conflict` (also when TikTok has the post, or may have it
 *   since the database lost changes), `unavailable` when TikTok cannot be asked, and what the limits
 *   of posting throw.
 */
export async function retryJob(ctx: Context, creator: Creator, id: string): Promise<Job> {
  assertMayPost(creator);
  assertFailed(await getJob(ctx.db, creator.id, id));
  await assertNothingLost(ctx, creator.id, id);
  const asked = await askTikTok(ctx, { id, creator_id: creator.id });
  return ctx.db.transaction(async (trx) => {
    await lockToPost(trx, creator.id);
    const job = await lockJob(trx, creator.id, id);
    assertFailed(job);
    await assertUnchanged(trx, asked);
    const sourceKey = await sourceForRetry(trx, job);
    const now = await readDatabaseTime(trx);
    const at = job.send_at > now ? job.send_at : now;
    const sendAt = await reserveTime(trx, ctx.config, creator.id, { at, exceptId: id });
    await assertNoDuplicate(trx, { ...job, send_at: sendAt });
    await closeAttempts(trx, [id], { outcome: 'retried' });
    const again = await updateLockedJob(trx, id, {
      state: 'accepted',
      send_at: sendAt,
      source_key: sourceKey,
      waiting_since: null,
      ...{ waiting_code: null, gives_up_at: null, permission_lost_at: null, deaths: 0 },
      error: null,
      publish_id: null,
      output_key: null,
      output_type: null,
      faults: 0,
      run_token: null,
      finished_at: null,
    });
    await resetPhotos(trx, id);
    await insertEvent(trx, id, 'retried');
    await queueNext(trx, again);
    return again;
  });
}

function assertFailed({ state }: Job): void {
  if (state === 'failed') return;
  throw new Problem('state_conflict', 'Only a failed post can be tried again.');
}

/**
 * Uploads are locked and must still be there; what was fetched is used if our copy still is, and
 * fetched again if not.
 */
async function sourceForRetry(trx: Knex, job: Job): Promise<string | null> {
  const uploads = (await listPhotos(trx, job.id)).filter((photo) => !isFetched(photo));
  const keys = uploads.flatMap(({ source_key }) => source_key ?? []);
  await lockManyMedia(trx, job.creator_id, keys);
  for (const { source_key } of uploads) await assertUpload(trx, job, source_key);
  if (job.kind === 'photo') return null;
  if (!isFetched(job)) return assertUpload(trx, job, job.source_key);
  const copy = job.source_key && (await lockFile(trx, job.creator_id, job.source_key));
  return copy ? job.source_key : null;
}

async function assertUpload(trx: Knex, job: Job, key: string | null): Promise<string | null> {
  if (key && (await lockMedia(trx, job.creator_id, key))) return key;
  throw new Problem(
    'state_conflict',
    'The file of this post is no longer stored. Upload it again and make a new post.',
  );
}

/**
 * Ends an `unconfirmed` job as the creator says, who has looked at the profile. Before `not_posted` is
 * taken, TikTok is asked.
 * @throws Problem `not_found`, `state_conflict` (also when TikTok has the post), `unavailable` when
 *   TikTok cannot be asked.
 */
export async function resolveJob(
  ctx: Context,
  creatorId: string,
  id: string,
  outcome: 'posted' | 'not_posted',
): Promise<Job> {
  assertUnconfirmed(await getJob(ctx.db, creatorId, id));
  const asked = outcome === 'posted' ? null : await askTikTok(ctx, { id, creator_id: creatorId });
  return ctx.db.transaction(async (trx) => {
    const job = await lockJob(trx, creatorId, id);
    assertUnconfirmed(job);
    if (asked) await assertUnchanged(trx, asked);
    const event = { name: 'resolved', details: { outcome } };
    const end = { event, outcome: `resolved: ${outcome}` };
    if (outcome === 'posted') return endJob(trx, job, { state: 'finished', ...end });
    const message = 'You told us that TikTok did not post it. You can try again.';
    const error = { code: 'tiktok_refused', message, tiktok: null } as const;
    return endJob(trx, job, { state: 'failed', ...end, error });
  });
}

function assertUnconfirmed({ state }: Job): void {
  if (state === 'unconfirmed') return;
  throw new Problem(
    'state_conflict',
    'TikTok has told us how this post ended, so there is nothing to resolve.',
  );
}

/** Whether the job has not ended; until then it needs its files. */
export function isWorking(job: Job): boolean {
  return STATES[job.state as WorkingState] !== null;
}
