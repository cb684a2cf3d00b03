// A fresh access token for a creator: one refresh at a time, and the new tokens are stored before use.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigFaults } from '../base/config.ts';
import type { Context } from '../context/context.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';
import {
  findGrant,
  type Grant,
  leaseGrant,
  newestGrants,
  releaseGrant,
  saveRefresh,
} from './grants.ts';
import { disconnected } from './rules.ts';
import { markDisconnected } from './store.ts';

// Longer than the refresh request can take, so that a lease ends only when its holder has died.
const LEASE_SECONDS = 45;
const WAIT_MS = 60_000;
const SAVE_MS = 5 * 60_000;
const MARGIN_MS = 5 * 60_000;

export const sealContext = (creatorId: string, column: 'access_token' | 'refresh_token') =>
  `grants.${column}:${creatorId}`;

/** Both tokens sealed, ready for the table. */
export function sealTokens(ctx: Context, creatorId: string, answer: TokenAnswer) {
  return {
    scopes: answer.scopes,
    access_token: ctx.secrets.seal(answer.access_token, sealContext(creatorId, 'access_token')),
    refresh_token: ctx.secrets.seal(answer.refresh_token, sealContext(creatorId, 'refresh_token')),
    access_expires_at: answer.access_expires_at,
    refresh_expires_at: answer.refresh_expires_at,
  };
}

/** Both tokens in the plain. Throws when they were sealed under a key that is gone. */
export function openTokens(ctx: Context, grant: Grant) {
  const open = (column: 'access_token' | 'refresh_token') =>
    ctx.secrets.open(grant[column], sealContext(grant.creator_id, column));
  return {
    access_token: open('access_token'),
    refresh_token: open('refresh_token'),
    access_expires_at: grant.access_expires_at,
  };
}

/**
 * Told at the start rather than by each post that fails. One grant that opens is enough: a single
 * one may have come with a backup of another key.
 */
export async function assertSecretOpens(ctx: Context): Promise<void> {
  const newest = await newestGrants(ctx.db, 20);
  const opens = newest.some((grant) => {
    try {
      return openTokens(ctx, grant) !== null;
    } catch {
      return false;
    }
  });
  if (newest.length > 0 && !opens) {
    throw new ConfigFaults([
      'APP_SECRET: opens nothing that is stored. Give the key that sealed it; to replace it, put the new one before it, with a comma.',
    ]);
  }
}

export interface Access {
  token: string;
  scopes: string[];
  version: number;
}

/**
 * TikTok kills the old refresh token on every refresh, so two refreshes at once end the connection:
 * a lease on the row lets one process through, and nobody holds a transaction over HTTP.
 * `rejected_version`: the version whose token TikTok has just refused, to be refreshed in any case.
 * Throws `creator_disconnected` when the grant is gone; anything else is a fault and may be
 * retried.
 */
export async function getAccess(
  ctx: Context,
  creatorId: string,
  signal: AbortSignal,
  rejectedVersion?: number,
): Promise<Access> {
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const grant = await findGrant(ctx.db, creatorId);
    if (!grant) throw disconnected();
    if (grant.version !== rejectedVersion && isFresh(grant)) {
      const token = ctx.secrets.open(grant.access_token, sealContext(creatorId, 'access_token'));
      return { token, scopes: grant.scopes, version: grant.version };
    }
    const leaseId = randomUUID();
    if (await leaseGrant(ctx.db, grant, leaseId, LEASE_SECONDS)) {
      await refresh(ctx, grant, leaseId, signal);
    } else await sleep(100);
  }
  throw new Error('Expected the refresh of a TikTok token to end within a minute');
}

/** Fresh enough for a long upload: at least 5 minutes, or a tenth of its life, are left. */
function isFresh(grant: Grant): boolean {
  const life = grant.access_expires_at.getTime() - grant.refreshed_at.getTime();
  const margin = Math.min(Math.max(MARGIN_MS, life / 10), life / 2);
  return grant.access_expires_at.getTime() - margin > Date.now();
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
    // Not aborted with the step: an answer that nobody reads would be a refresh token lost.
    const answer = await ctx.tiktok.refresh(old, { signal: AbortSignal.timeout(30_000) });
    await saveInAnyCase(ctx, grant, sealTokens(ctx, creator_id, answer));
    ctx.log.info({ event: 'grant.refreshed' });
  } catch (error) {
    await releaseGrant(ctx.db, creator_id, leaseId);
    signal.throwIfAborted();
    if (!(error instanceof TikTokError && error.kind === 'refused')) throw error;
    const now = await findGrant(ctx.db, creator_id);
    // Somebody connected again or refreshed while we asked: theirs counts.
    if (now && now.version !== grant.version) return;
    if (error.code !== 'invalid_grant' && error.code !== 'access_denied') {
      // Our app was refused, not this creator: the operator's to mend, and no end of any post.
      throw new TikTokError({ kind: 'no_answer', code: error.code, cause: error });
    }
    await markDisconnected(ctx.db, creator_id, grant.version);
    ctx.log.warn({ event: 'grant.lost', code: error.code });
    throw disconnected();
  }
}

/** The old refresh token is dead by now, so a database that is away for a moment is waited for. */
async function saveInAnyCase(
  ctx: Context,
  grant: Grant,
  fresh: ReturnType<typeof sealTokens>,
): Promise<void> {
  const deadline = Date.now() + SAVE_MS;
  for (;;) {
    try {
      await saveRefresh(ctx.db, grant, fresh);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(1_000);
    }
  }
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
