// Accepts a job: the rules that a request must pass before the state machine.
import type { Knex } from 'knex';
import { readDatabaseTime } from '../../base/database-time.ts';
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
  const now = await readDatabaseTime(trx);
  assertPlannable(ctx, creator, request.schedule_at ?? null, now);
  await lockToPost(trx, creator.id);
  const chosen = await chooseSettings(trx, creator, request);
  const sources = await resolveSources(ctx, trx, creator, request);
  const at = request.schedule_at ?? now;
  const mayBeMoved = request.on_limit === 'delay';
  const source = {
    ...sources.job,
    creator_id: creator.id,
    allow_duplicate: request.allow_duplicate,
  };
  // Checked before the limits, which would say "in an hour" although waiting does not help.
  if (!mayBeMoved) await assertNoDuplicate(trx, { ...source, send_at: at });
  const latest = mayBeMoved ? findHorizon(ctx, creator, now) : at;
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

/**
 * Checks the time of a planned post. Not part of the schema: a request that is repeated under its
 * Idempotency-Key is answered as the first also when its time is over.
 * @throws Problem `invalid_request` when it is over, or further ahead than the plan allows.
 */
export function assertPlannable(
  ctx: Context,
  creator: Creator,
  scheduleAt: Date | null,
  now: Date,
): void {
  if (!scheduleAt) return;
  if (scheduleAt <= now) throw invalid('/schedule_at', 'Expected a time in the future.');
  const { horizonDays } = getPlanLimits(ctx.config, creator);
  if (scheduleAt > findHorizon(ctx, creator, now)) {
    throw invalid(
      '/schedule_at',
      `Expected a time within ${horizonDays} days, the limit of the ${creator.plan} plan.`,
    );
  }
}

/** Returns the latest time at which a post may be planned, or moved to by a limit. */
export function findHorizon(ctx: Context, creator: Creator, now: Date): Date {
  return new Date(now.getTime() + getPlanLimits(ctx.config, creator).horizonDays * DAY_MS);
}
