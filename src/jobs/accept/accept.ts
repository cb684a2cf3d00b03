// Accepts and changes jobs: the rules that a request must pass before the state machine.

import type { Knex } from 'knex';
import { z } from 'zod';
import { json } from '../../base/database.ts';
import { invalid, Problem } from '../../base/errors.ts';
import { DAY_MS } from '../../base/time.ts';
import type { Context } from '../../context/context.ts';
import { findPostingDefaults } from '../../creators/posting-defaults.ts';
import {
  assertMayPost,
  assertNotLeaving,
  type Creator,
  getPlanLimits,
} from '../../creators/store.ts';
import { parseWith } from '../../http/validate.ts';
import { TIKTOK_LIMITS } from '../../tiktok/limits.ts';
import type { PostSettings } from '../../tiktok/post-settings.ts';
import { settingsSchema } from '../../tiktok/settings-schema.ts';
import type { Job } from '../job.ts';
import type { JobPatch, NewJobRequest } from '../schema.ts';
import { toStatus } from '../states.ts';
import {
  type Consent,
  insertConsent,
  insertEvent,
  insertJob,
  lockJob,
  queueNext,
  updateLockedJob,
} from '../store.ts';
import { assertNoDuplicate, reserveTime } from './limits.ts';
import { resolveSources } from './sources.ts';

export interface AcceptedRequest {
  creator: Creator;
  request: NewJobRequest;
  consent: Consent;
}

/**
 * Checks a request and inserts its job, in the caller's transaction with what else the caller writes.
 * @throws Problem, when the account, the request, a source or a limit does not allow the post.
 */
export async function acceptJob(
  ctx: Context,
  trx: Knex,
  { creator, request, consent }: AcceptedRequest,
): Promise<Job> {
  assertMayPost(creator);
  assertWithinHorizon(ctx, creator, request.schedule_at ?? null);
  await assertNotLeaving(trx, creator.id);
  const chosen = await chooseSettings(trx, creator, request);
  const sources = await resolveSources(ctx, trx, creator, request);
  const at = request.schedule_at ?? new Date();
  const mayBeMoved = request.on_limit === 'delay';
  const source = {
    ...sources.job,
    creator_id: creator.id,
    allow_duplicate: request.allow_duplicate,
  };
  // Checked before the limits, which would say "in an hour" although waiting does not help.
  if (!mayBeMoved) await assertNoDuplicate(trx, { ...source, send_at: at });
  const latest = mayBeMoved ? findHorizon(ctx, creator) : at;
  const sendAt = await reserveTime(trx, ctx.config, creator.id, { at, latest });
  const job = {
    mode: request.mode,
    schedule_at: request.schedule_at ?? null,
    send_at: sendAt,
    title: request.title,
    description: request.description ?? null,
    destination: chosen.destination,
    settings: chosen.settings,
    ...source,
  };
  if (mayBeMoved) await assertNoDuplicate(trx, job);
  const declaration = chosen.declaration ?? consent.declaration;
  const accepted = await insertJob(trx, job, sources.photos, { ...consent, declaration });
  if (sendAt > at) await insertEvent(trx, accepted.id, 'delayed', { until: sendAt });
  return accepted;
}

interface Chosen {
  destination: Job['destination'];
  settings: PostSettings;
  /** The words that the creator agreed to when saving the defaults, where those were taken. */
  declaration?: string;
}

/**
 * Takes the settings of the request, or adds the creator's saved defaults where the request names no
 * destination or no audience.
 */
async function chooseSettings(
  trx: Knex,
  creator: Creator,
  request: Pick<NewJobRequest, 'destination' | 'settings'>,
): Promise<Chosen> {
  const named = request.settings ?? {};
  if (request.destination && (request.destination === 'inbox' || named.privacy_level)) {
    const { destination } = request;
    return { destination, settings: wholeSettings({}, named) };
  }
  const defaults = await findPostingDefaults(trx, creator.id);
  const destination = request.destination ?? defaults?.destination;
  if (!destination) throw defaultsMissing();
  const settings = wholeSettings(defaults?.settings ?? {}, named);
  if (destination === 'direct' && !settings.privacy_level) {
    throw invalid(
      '/settings/privacy_level',
      'Expected a privacy level: a direct post needs one, and we do not choose it for you. Name it, or save posting defaults in the settings.',
    );
  }
  return { destination, settings, ...(defaults ? { declaration: defaults.declaration } : {}) };
}

export function defaultsMissing(): Problem {
  return new Problem(
    'posting_defaults_missing',
    'This request leaves the settings to your posting defaults, and none are saved. Save them once on the dashboard under Settings.',
  );
}

function assertWithinHorizon(ctx: Context, creator: Creator, scheduleAt: Date | null): void {
  const { horizonDays } = getPlanLimits(ctx.config, creator);
  if (scheduleAt && scheduleAt > findHorizon(ctx, creator)) {
    throw invalid(
      '/schedule_at',
      `Expected a time within ${horizonDays} days, the limit of the ${creator.plan} plan.`,
    );
  }
}

/** Returns the latest time at which a post may be planned, or moved to by a limit. */
function findHorizon(ctx: Context, creator: Creator): Date {
  return new Date(Date.now() + getPlanLimits(ctx.config, creator).horizonDays * DAY_MS);
}

export interface JobChange {
  creator: Creator;
  id: string;
  patch: JobPatch;
  consent: Consent;
}

/**
 * Changes title, settings or time of a `scheduled` job. The change needs a new consent.
 * @throws Problem `not_found`, `state_conflict`, `invalid_request`, and what the limits throw.
 */
export async function changeJob(
  ctx: Context,
  { creator, id, patch, consent }: JobChange,
): Promise<Job> {
  assertMayPost(creator);
  assertWithinHorizon(ctx, creator, patch.schedule_at ?? null);
  return ctx.db.transaction(async (trx) => {
    await assertNotLeaving(trx, creator.id);
    const job = await lockJob(trx, creator.id, id);
    if (toStatus(job) !== 'scheduled') {
      throw new Problem('state_conflict', 'Only a post that waits for its time can be changed.');
    }
    if (Object.keys(patch).length === 0) return job;
    const settings = patch.settings && wholeSettings(job.settings, patch.settings);
    assertTitleFits(job, patch.title);
    if (patch.schedule_at) await assertFreeFor(trx, ctx, job, patch.schedule_at);
    const changed = await updateLockedJob(trx, id, {
      // A run that has just begun, by a clock that is ahead, must not post the old words.
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

/** Merges the changes into `base` and validates the result as a whole. */
function wholeSettings(
  base: Partial<PostSettings>,
  changes: NonNullable<JobPatch['settings']>,
): PostSettings {
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  return parseWith(
    z.strictObject({ settings: settingsSchema }),
    { settings: { ...base, ...Object.fromEntries(named) } },
    'body',
  ).settings;
}

function assertTitleFits({ kind }: Job, title: string | undefined): void {
  const most = TIKTOK_LIMITS.photo.title;
  if (kind === 'photo' && title !== undefined && title.length > most) {
    throw invalid('/title', `Expected at most ${most} UTF-16 units with photos.`);
  }
}

/** Checks the new time as that of a new post: against the limits and against other planned posts. */
async function assertFreeFor(trx: Knex, ctx: Context, job: Job, at: Date): Promise<void> {
  const { id: exceptId, creator_id } = job;
  await reserveTime(trx, ctx.config, creator_id, { at, exceptId });
  await assertNoDuplicate(trx, { ...job, send_at: at });
}
