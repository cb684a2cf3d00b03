// Ends the grant at TikTok: at once, then again for 30 days, while our own deletion goes on.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { addToNow, measureSince } from '../base/database-time.ts';
import { backOff, DAY_MS, HOUR_MS, MINUTE_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { type Grant, takeGrant } from '../creators/grants.ts';
import { openTokens } from '../creators/sealed-tokens.ts';
import type { Identifiers } from '../privacy/traces.ts';
import { TikTokError } from '../tiktok/errors.ts';
import {
  keepLeasedGrant,
  leaseRevocation,
  listDueRevocations,
  openGrant,
  REVOCATION_DAYS,
  REVOCATION_LEASE_SECONDS,
  type SealedGrant,
  sealGrant,
  settleRevocation,
} from './revocation-store.ts';
import { type Deletion, lockDeletion, updateDeletion } from './store.ts';

const TERM_MS = REVOCATION_DAYS * DAY_MS;
const REFRESH_MS = 20_000;
const SIX_HOURS_MS = 6 * HOUR_MS;

/**
 * Moves the grant from the creator to the deletion's row, in one transaction. Returns false while a
 * refresh is under way, since the token we would take stops working with it.
 */
export async function takeGrantOver(
  ctx: Context,
  deletion: Deletion,
  { creator_id, open_id }: Identifiers,
): Promise<boolean> {
  return ctx.db.transaction(async (trx) => {
    const now = await lockDeletion(trx, deletion.id);
    // The person connected again, and revoking this grant would end the new one with it.
    if (now?.revocation !== 'waiting') return true;
    const grant = await takeGrant(trx, creator_id);
    if (grant === 'busy') return false;
    const changes =
      grant && open_id
        ? pending(grant, open_id)
        : { revocation: grant ? 'given_up' : 'not_needed', open_id_hash: null };
    const rows = { ...now.receipt.rows, grants: grant ? 1 : 0 };
    await updateDeletion(trx, deletion.id, changes, { rows });
    return true;
  });

  function pending(grant: Grant, openId: string) {
    try {
      return {
        revocation: 'pending',
        sealed_grant: sealGrant(ctx, deletion.id, {
          ...openTokens(ctx, grant),
          // A refresh was begun and did not end, so its answer may be lost.
          is_refreshing: grant.lease_id !== null,
        }),
        open_id_hash: ctx.secrets.keyedHash(openId, 'open_id'),
        revoke_at: ctx.db.fn.now(),
      };
    } catch {
      // The tokens were sealed under a key that is gone, so we have none to show TikTok.
      return { revocation: 'given_up', open_id_hash: null };
    }
  }
}

/** Tries each revocation that is due, one after another. */
export async function tryDueRevocations(ctx: Context, signal: AbortSignal): Promise<void> {
  for (const { id } of await listDueRevocations(ctx.db)) {
    if (signal.aborted) return;
    await tryRevocation(ctx, id, signal);
    await sleep(0);
  }
}

/** Asks TikTok once, under a lease. An error of TikTok does not throw; it plans the next try. */
export async function tryRevocation(ctx: Context, id: string, signal: AbortSignal): Promise<void> {
  const deletion = await leaseRevocation(ctx.db, id, randomUUID(), REVOCATION_LEASE_SECONDS);
  if (!deletion) return;
  const outcome = await revoke(ctx, deletion, signal);
  const isOver = measureSince(deletion.requested_at) >= TERM_MS;
  if (outcome === 'again' && !isOver) {
    const wait = backOff(MINUTE_MS, SIX_HOURS_MS, deletion.revoke_tries - 1);
    const endsAt = deletion.requested_at.getTime() + TERM_MS;
    const revokeAt = new Date(Math.min(addToNow(wait).getTime(), endsAt));
    await settleRevocation(ctx.db, deletion, { revoke_at: revokeAt });
    return;
  }
  await settleRevocation(ctx.db, deletion, {
    revocation: outcome === 'again' ? 'given_up' : outcome,
    revoked_at: outcome === 'revoked' ? ctx.db.fn.now() : null,
    sealed_grant: null,
    open_id_hash: null,
    revoke_at: null,
  });
  ctx.log.info({ event: 'deletion.revocation', deletion_id: id, outcome });
}

type Outcome = 'revoked' | 'not_needed' | 'given_up' | 'again';

async function revoke(ctx: Context, deletion: Deletion, signal: AbortSignal): Promise<Outcome> {
  const grant = openGrant(ctx, deletion);
  if (!grant) return 'not_needed';
  if (grant === 'lost') return 'given_up';
  if (new Date(grant.access_expires_at) > addToNow(MINUTE_MS)) {
    const answer = await ask(() => ctx.tiktok.revoke(grant.access_token, { signal }));
    if (answer !== 'refused') return answer === 'done' ? 'revoked' : 'again';
  }
  return refreshAndRevoke(ctx, deletion, grant, signal);
}

/**
 * TikTok revokes by an access token only, so an expired one is refreshed first. The new tokens are
 * stored before they are used, so that a crash does not lose them.
 */
async function refreshAndRevoke(
  ctx: Context,
  deletion: Deletion,
  grant: SealedGrant,
  signal: AbortSignal,
): Promise<Outcome> {
  const begun = sealGrant(ctx, deletion.id, { ...grant, is_refreshing: true });
  if (!(await keepLeasedGrant(ctx.db, deletion, begun))) return 'again';
  let fresh: SealedGrant | undefined;
  const refreshed = await ask(async () => {
    // Stopping the process does not abort this: a refresh whose answer is lost loses the grant.
    const own = AbortSignal.timeout(REFRESH_MS);
    fresh = await ctx.tiktok.refresh(grant.refresh_token, { signal: own });
  });
  if (refreshed === 'refused') {
    // An earlier refresh may have brought tokens that a crash lost. Then the grant may still be
    // valid, and only the person can end it.
    if (grant.is_refreshing) return 'given_up';
    return deletion.revoke_tries > 1 ? 'revoked' : 'not_needed';
  }
  if (!fresh) return 'again';
  await keepLeasedGrant(ctx.db, deletion, sealGrant(ctx, deletion.id, fresh));
  const { access_token } = fresh;
  const answer = await ask(() => ctx.tiktok.revoke(access_token, { signal }));
  if (answer === 'again') return 'again';
  return answer === 'done' ? 'revoked' : 'not_needed';
}

/** `refused`: TikTok does not know the token. Other refusals come from our setup and may pass. */
async function ask(work: () => Promise<void>): Promise<'done' | 'refused' | 'again'> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (!(error instanceof TikTokError)) throw error;
    const isUnknown = ['invalid_grant', 'access_token_invalid', 'access_denied', 'invalid_request'];
    return error.kind === 'refused' && isUnknown.includes(error.code) ? 'refused' : 'again';
  }
}
