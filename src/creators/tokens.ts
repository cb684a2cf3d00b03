// Keeps a creator's access token fresh: one refresh at a time, stored before it is used.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { measureSince } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';
import { clearDisconnected, isDisconnected, lockCreator, markDisconnected } from './connection.ts';
import {
  findGrant,
  type Grant,
  leaseGrant,
  releaseGrant,
  renewLease,
  saveRefresh,
} from './grants.ts';
import { disconnected } from './rules.ts';
import { sealContext, sealTokens } from './sealed-tokens.ts';

// Longer than the refresh request can take, so that a lease ends only if its holder has died.
const LEASE_SECONDS = 45;
// How long we try to save new tokens.
const SAVE_MS = 5 * 60_000;
// How long a token must last to count as fresh.
const MARGIN_MS = 5 * 60_000;

/** An access token that is fresh now. */
export type Access = { token: string; scopes: string[]; version: number };

/**
 * Returns a fresh access token. TikTok invalidates the old refresh token with every refresh, so two
 * refreshes at once would end the connection. A lease on the row lets one process refresh, and no
 * transaction stays open during an HTTP request.
 * `rejectedVersion` is a version whose token TikTok has just refused; it is refreshed in any case.
 * @throws Problem `creator_disconnected` if the grant is gone, `unavailable` if another process did
 * not end its refresh within a minute. Other errors may be retried.
 */
export async function getAccess(
  ctx: Context,
  creatorId: string,
  signal: AbortSignal,
  rejectedVersion?: number,
): Promise<Access> {
  const deadline = performance.now() + ctx.timing.refreshPatienceMs;
  for (;;) {
    signal.throwIfAborted();
    const grant = await findGrant(ctx.db, creatorId);
    // TikTok is not asked once more with a token that it has refused.
    if (!grant || (await isDisconnected(ctx.db, creatorId))) throw disconnected();
    if (grant.version !== rejectedVersion && isFresh(grant)) {
      const token = ctx.secrets.open(grant.access_token, sealContext(creatorId, 'access_token'));
      return { token, scopes: grant.scopes, version: grant.version };
    }
    if (performance.now() >= deadline) {
      throw new Problem(
        'unavailable',
        'The connection with TikTok is being renewed at this moment. Try again in a minute.',
      );
    }
    const leaseId = randomUUID();
    if (await leaseGrant(ctx.db, grant, leaseId, LEASE_SECONDS)) {
      await refresh(ctx, grant, leaseId, signal);
    } else await sleep(100);
  }
}

/**
 * Returns true if the token lasts for a long upload: for 5 more minutes or a tenth of its life, the
 * longer of both, but at most half of its life.
 */
function isFresh(grant: Grant): boolean {
  const life = grant.access_expires_at.getTime() - grant.refreshed_at.getTime();
  const margin = Math.min(Math.max(MARGIN_MS, life / 10), life / 2);
  return measureSince(grant.access_expires_at) < -margin;
}

async function refresh(
  ctx: Context,
  grant: Grant,
  leaseId: string,
  signal: AbortSignal,
): Promise<void> {
  const { creator_id } = grant;
  try {
    const old = ctx.secrets.open(grant.refresh_token, sealContext(creator_id, 'refresh_token'));
    // The step's signal does not abort this: an answer that is not read loses the refresh token.
    const answer = await ctx.tiktok.refresh(old, { signal: AbortSignal.timeout(30_000) });
    await saveRepeatedly(ctx, grant, leaseId, sealTokens(ctx, creator_id, answer));
    ctx.log.info({ event: 'grant.refreshed' });
  } catch (error) {
    if (!(error instanceof TikTokError && error.kind === 'refused')) {
      await releaseGrant(ctx.db, grant, leaseId);
      throw error;
    }
    await judgeRefusal(ctx, { grant, leaseId, signal }, error);
  }
}

/** One refresh: what is refreshed, under which lease, and for whom. */
interface Refresh {
  grant: Grant;
  leaseId: string;
  signal: AbortSignal;
}

/**
 * Returns if a newer grant is there, which counts.
 * @throws Problem `creator_disconnected` if the grant is gone; else what may be tried again.
 */
async function judgeRefusal(
  ctx: Context,
  { grant, leaseId, signal }: Refresh,
  error: TikTokError,
): Promise<void> {
  // The creator connected again, or another process refreshed.
  if (await isReplaced(ctx, grant)) return;
  if (error.code !== 'invalid_grant' && error.code !== 'access_denied') {
    await releaseGrant(ctx.db, grant, leaseId);
    // TikTok refused our app and not this creator. The operator must act; no post fails by it.
    throw new TikTokError({ kind: 'no_answer', code: error.code, cause: error });
  }
  // Who held the lease before may have the new tokens, and be stopped before it could save them.
  // When this wait is broken off, our own lease lapses, and whoever comes next waits too.
  if (grant.lease_id && (await awaitLateRefresh(ctx, { grant, leaseId, signal }))) return;
  await markDisconnected(ctx, grant.creator_id, grant.version);
  await releaseGrant(ctx.db, grant, leaseId);
  ctx.log.warn({ event: 'grant.lost', code: error.code });
  throw disconnected();
}

async function isReplaced(ctx: Context, { creator_id, version }: Grant): Promise<boolean> {
  const now = await findGrant(ctx.db, creator_id);
  return now !== undefined && now.version !== version;
}

/** Returns true as soon as somebody has saved newer tokens; false after a minute. */
async function awaitLateRefresh(
  ctx: Context,
  { grant, leaseId, signal }: Refresh,
): Promise<boolean> {
  const end = performance.now() + ctx.timing.lateRefreshMs;
  while (performance.now() < end) {
    if (await isReplaced(ctx, grant)) return true;
    await renewLease(ctx.db, grant.creator_id, leaseId, LEASE_SECONDS);
    await sleep(Math.min(1_000, ctx.timing.lateRefreshMs / 10), undefined, { signal });
  }
  return isReplaced(ctx, grant);
}

/** Saves new tokens. Tries for five minutes if the database is away: the old tokens are invalid. */
async function saveRepeatedly(
  ctx: Context,
  grant: Grant,
  leaseId: string,
  fresh: ReturnType<typeof sealTokens>,
): Promise<void> {
  const deadline = performance.now() + SAVE_MS;
  for (;;) {
    try {
      await saveTokens(ctx, grant, fresh);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(1_000);
      await renewLease(ctx.db, grant.creator_id, leaseId, LEASE_SECONDS).catch(() => {});
    }
  }
}

/**
 * Saves tokens that TikTok has just given. Whoever took this grant for lost meanwhile was wrong, so
 * the same transaction clears that mark. Does nothing if a newer grant is there, or none any more.
 */
export async function saveTokens(
  ctx: Context,
  grant: Grant,
  fresh: ReturnType<typeof sealTokens>,
): Promise<boolean> {
  return ctx.db.transaction(async (trx) => {
    await lockCreator(trx, grant.creator_id);
    if (!(await saveRefresh(trx, grant, fresh))) return false;
    await clearDisconnected(trx, ctx, grant.creator_id);
    return true;
  });
}

/**
 * Revokes at TikTok a token that we will not store. A failure is ignored: nobody keeps the token,
 * so nobody could try again.
 */
export async function revokeUnstored(
  ctx: Context,
  { access_token }: TokenAnswer,
  signal: AbortSignal,
): Promise<void> {
  await ctx.tiktok.revoke(access_token, { signal }).catch(() => {});
}
