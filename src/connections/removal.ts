// TikTok took the permission back: its data and the waiting posts go at once, for some reasons everything.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { findCreatorByOpenId, forgetAuthorization } from '../creators/store.ts';
import { requestDeletion } from '../deletion/request.ts';
import { cancelAllJobs } from '../jobs/transitions.ts';
import { REMOVAL_REASONS } from '../tiktok/webhook.ts';

/** The account is gone, or must not be there: nobody can come back to what we hold. */
const ERASED_AT_ONCE: number[] = [
  REMOVAL_REASONS.account_deleted,
  REMOVAL_REASONS.age_changed,
  REMOVAL_REASONS.account_banned,
];

export interface Removal {
  /** TikTok's number. */
  reason: number;
  /** When it happened, in TikTok's time. */
  at: Date;
}

/** `late`: they connected again since, which this message must not undo. */
export type RemovalOutcome = 'unknown' | 'late' | 'disconnected' | 'deleting';

/** Harmless when told twice, or in another order. Durable when it returns. */
export async function removeAuthorization(
  ctx: Context,
  openId: string,
  removal: Removal,
): Promise<RemovalOutcome> {
  const creator = await findCreatorByOpenId(ctx.db, openId);
  if (!creator) return 'unknown';
  if (ERASED_AT_ONCE.includes(removal.reason)) return erase(ctx, creator.id, removal);
  return ctx.db.transaction(async (trx) => {
    if (!(await forgetAuthorization(trx, creator.id, removal))) return 'late';
    await cancelAllJobs(trx, creator.id, 'authorization_removed');
    return 'disconnected';
  });
}

class Late extends Error {
  override name = 'Late';
}

/** All or nothing: a message that turns out to be late takes the begun deletion back. */
async function erase(ctx: Context, creatorId: string, removal: Removal): Promise<RemovalOutcome> {
  try {
    await requestDeletion(ctx, creatorId, 'tiktok', async (trx) => {
      if (!(await forgetAuthorization(trx, creatorId, removal))) throw new Late();
    });
    return 'deleting';
  } catch (error) {
    if (error instanceof Late) return 'late';
    if (error instanceof Problem && error.code === 'not_found') return 'unknown';
    throw error;
  }
}
