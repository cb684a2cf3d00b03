// Accepts, changes and ends jobs: the rules that stand before and around the state machine.
import type { Knex } from 'knex';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { assertMayPost, assertNotLeaving, type Creator, limitsOf } from '../creators/store.ts';
import { invalid, Problem } from '../errors.ts';
import { lockUpload } from '../media/store.ts';
import { parseWith } from '../web/api.ts';
import type { Job, PostSettings } from './job.ts';
import { closeAttempts, endJob, isCommitted } from './moves.ts';
import { type JobPatch, type NewJobRequest, settingsSchema } from './schema.ts';
import { CANCELLABLE_STATES, STATES, statusOf, type WorkingState } from './states.ts';
import {
  type Consent,
  insertConsent,
  insertEvent,
  insertJob,
  json,
  lockJob,
  queueNext,
  updateLockedJob,
} from './store.ts';

export const NO_SETTINGS: PostSettings = {
  allow_comment: false,
  allow_duet: false,
  allow_stitch: false,
  brand_organic: false,
  brand_content: false,
  is_aigc: false,
  cover_timestamp_ms: 0,
};

/** In the caller's transaction, so that the job and what the caller writes stand or fall together. */
export async function acceptJob(
  ctx: Context,
  trx: Knex,
  creator: Creator,
  request: NewJobRequest,
  consent: Consent,
): Promise<Job> {
  assertMayPost(creator);
  assertWithinHorizon(ctx, creator, request.schedule_at ?? null);
  await assertNotLeaving(trx, creator.id);
  const media = await lockedUpload(trx, creator, request.video);
  return insertJob(
    trx,
    {
      creator_id: creator.id,
      mode: request.mode,
      schedule_at: request.schedule_at ?? null,
      send_at: request.schedule_at ?? new Date(),
      title: request.title,
      destination: request.destination,
      settings: request.settings ?? NO_SETTINGS,
      source_key: media.storage_key,
      media: { ...media.facts, changes: [] },
    },
    consent,
  );
}

async function lockedUpload(trx: Knex, creator: Creator, video: NewJobRequest['video']) {
  if (video.source === 'url') {
    const url = URL.parse(video.url);
    if (url?.protocol !== 'https:' || url.port || url.username || url.password) {
      throw new Problem('url_not_allowed', 'Expected an https URL without port and credentials.');
    }
    throw new Problem(
      'domain_not_verified',
      `The host ${url.hostname} is not a verified domain of this creator.`,
    );
  }
  const media = await lockUpload(trx, creator.id, video.storage_key);
  if (!media) throw invalid('/video/storage_key', 'There is no upload with this storage key.');
  return media;
}

function assertWithinHorizon(ctx: Context, creator: Creator, schedule_at: Date | null): void {
  const { horizon_days } = limitsOf(ctx.config, creator);
  if (schedule_at && schedule_at.getTime() > Date.now() + horizon_days * 86_400_000) {
    throw invalid(
      '/schedule_at',
      `Expected a time within ${horizon_days} days, as far as the ${creator.plan} plan reaches.`,
    );
  }
}

/** Before the mark only: a job whose last byte may have left cannot be taken back. */
export async function cancelJob(ctx: Context, creator_id: string, id: string): Promise<Job> {
  return ctx.db.transaction(async (trx) => {
    const job = await lockJob(trx, creator_id, id);
    if (job.state === 'cancelled') return job;
    const is_early = (CANCELLABLE_STATES as readonly string[]).includes(job.state);
    if (!is_early || (await isCommitted(trx, id))) {
      throw new Problem(
        'state_conflict',
        is_early || job.state === 'sent'
          ? 'The video is already with TikTok, so it cannot be cancelled any more.'
          : `The post has already ended (${job.state}).`,
      );
    }
    await closeAttempts(trx, id, 'cancelled');
    return endJob(trx, job, 'cancelled', { name: 'cancelled' });
  });
}

/** Changes words, settings or time while the job is `scheduled`; the change is a consent of its own. */
export async function changeJob(
  ctx: Context,
  creator: Creator,
  id: string,
  patch: JobPatch,
  consent: Consent,
): Promise<Job> {
  assertMayPost(creator);
  assertWithinHorizon(ctx, creator, patch.schedule_at ?? null);
  return ctx.db.transaction(async (trx) => {
    await assertNotLeaving(trx, creator.id);
    const job = await lockJob(trx, creator.id, id);
    if (statusOf(job) !== 'scheduled') {
      throw new Problem('state_conflict', 'Only a post that waits for its time can be changed.');
    }
    if (Object.keys(patch).length === 0) return job;
    const settings = patch.settings && mergedSettings(job, patch.settings);
    const changed = await updateLockedJob(trx, id, {
      // A run that took the job up a moment ago, by another clock, must not post the old words.
      ...(job.state === 'ready' ? { run_token: null } : {}),
      ...(patch.title === undefined ? {} : { title: patch.title }),
      ...(settings === undefined ? {} : { settings: json(settings) }),
      ...(patch.schedule_at === undefined
        ? {}
        : {
            mode: 'schedule',
            schedule_at: patch.schedule_at,
            send_at: patch.schedule_at,
          }),
    });
    await insertConsent(trx, changed, consent);
    await insertEvent(trx, id, 'edited');
    if (changed.state === 'ready') await queueNext(trx, changed);
    return changed;
  });
}

/** What is not named stays; the whole must be valid again. */
function mergedSettings(job: Job, changes: NonNullable<JobPatch['settings']>): PostSettings {
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  return parseWith(
    z.strictObject({ settings: settingsSchema }),
    { settings: { ...job.settings, ...Object.fromEntries(named) } },
    'body',
  ).settings;
}

/** A failed job again: what TikTok may have posted never is failed, so this cannot post twice. */
export async function retryJob(ctx: Context, creator: Creator, id: string): Promise<Job> {
  assertMayPost(creator);
  return ctx.db.transaction(async (trx) => {
    await assertNotLeaving(trx, creator.id);
    const job = await lockJob(trx, creator.id, id);
    if (job.state !== 'failed') {
      throw new Problem('state_conflict', 'Only a failed post can be tried again.');
    }
    if (!(await lockUpload(trx, creator.id, job.source_key))) {
      throw new Problem(
        'state_conflict',
        'The file of this post is no longer stored. Upload it again and make a new post.',
      );
    }
    await closeAttempts(trx, id, 'retried');
    const send_at = new Date(Math.max(job.send_at.getTime(), Date.now()));
    const again = await updateLockedJob(trx, id, {
      state: 'accepted',
      send_at,
      waiting_since: null,
      error: null,
      publish_id: null,
      output_key: null,
      output_type: null,
      faults: 0,
      run_token: null,
      finished_at: null,
    });
    await insertEvent(trx, id, 'retried');
    await queueNext(trx, again);
    return again;
  });
}

/** The creator looked at the profile and says how an `unconfirmed` post ended. */
export async function resolveJob(
  ctx: Context,
  creator_id: string,
  id: string,
  outcome: 'posted' | 'not_posted',
): Promise<Job> {
  return ctx.db.transaction(async (trx) => {
    const job = await lockJob(trx, creator_id, id);
    if (job.state !== 'unconfirmed') {
      throw new Problem(
        'state_conflict',
        'TikTok has told how this post ended; there is nothing to resolve.',
      );
    }
    await closeAttempts(trx, id, `resolved: ${outcome}`);
    const event = { name: 'resolved', details: { outcome } };
    if (outcome === 'posted') return endJob(trx, job, 'finished', event);
    return endJob(trx, job, 'failed', event, {
      code: 'tiktok_refused',
      message: 'You told us that TikTok did not post it. You can try again.',
      tiktok: null,
    });
  });
}

/** The states in which a job still needs its files. */
export function isWorking(job: Job): boolean {
  return STATES[job.state as WorkingState] !== null;
}
