// Accepts a job: the rules that a request must pass before the state machine.
import type { Knex } from 'knex';
import { invalid } from '../../base/errors.ts';
import { DAY_MS } from '../../base/time.ts';
import type { Context } from '../../context/context.ts';
import { lockToPost } from '../../creators/leaving.ts';
import { assertMayPost, getPlanLimits } from '../../creators/rules.ts';
import type { Creator } from '../../creators/store.ts';
import type { Job } from '../job.ts';
import type { NewJobRequest } from '../schema.ts';
import { type Consent, insertEvent, insertJob } from '../store.ts';
import { chooseSettings } from './choose-settings.ts';
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
  await lockToPost(trx, creator.id);
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

/** @throws Problem `invalid_request` when the plan does not allow a post so far ahead. */
export function assertWithinHorizon(ctx: Context, creator: Creator, scheduleAt: Date | null): void {
  const { horizonDays } = getPlanLimits(ctx.config, creator);
  if (scheduleAt && scheduleAt > findHorizon(ctx, creator)) {
    throw invalid(
      '/schedule_at',
      `Expected a time within ${horizonDays} days, the limit of the ${creator.plan} plan.`,
    );
  }
}

/** Returns the latest time at which a post may be planned, or moved to by a limit. */
export function findHorizon(ctx: Context, creator: Creator): Date {
  return new Date(Date.now() + getPlanLimits(ctx.config, creator).horizonDays * DAY_MS);
}
