// Handles TikTok's message that a permission was removed: disconnects or deletes the creator.
import type { Knex } from 'knex';
import { withQueryLimit } from '../base/bounded-client.ts';
import { Problem } from '../base/errors.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';
import { forgetAuthorization } from '../creators/connection.ts';
import { findCreatorByOpenId } from '../creators/store.ts';
import { requestDeletion } from '../deletion/request.ts';
import { removePermission } from '../jobs/permission.ts';
import { REMOVAL_REASONS } from '../tiktok/webhook.ts';

/** For these reasons the creator cannot come back, so everything is deleted at once. */
const ERASED_AT_ONCE: number[] = [
  REMOVAL_REASONS.account_deleted,
  REMOVAL_REASONS.age_changed,
  REMOVAL_REASONS.account_banned,
];

export interface Removal {
  /** TikTok's number of the reason; see `REMOVAL_REASONS`. */
  reason: number;
  /** When it happened, in TikTok's time. */
  at: Date;
}

/** `late`: the creator has connected again since, and this message must not undo that. */
export type RemovalOutcome = 'unknown' | 'late' | 'disconnected' | 'deleting';

/**
 * Drops the grant and cancels the posts that wait, or begins a deletion. The change is durable when
 * this returns. TikTok may send a message twice or in another order without harm.
 */
export async function removeAuthorization(
  ctx: Context,
  openId: string,
  removal: Removal,
): Promise<RemovalOutcome> {
  const creator = await findCreatorByOpenId(ctx.db, openId);
  if (!creator) return 'unknown';
  if (ERASED_AT_ONCE.includes(removal.reason)) return erase(ctx, creator.id, removal);
  const remove = async (trx: Knex) => {
    if (!(await forgetAuthorization(trx, creator.id, removal))) return 'late';
    await removePermission(trx, ctx, creator.id);
    return 'disconnected';
  };
  return withQueryLimit(QUERY_LIMITS.allPosts, () => ctx.db.transaction(remove));
}

class Late extends Error {
  override name = 'Late';
}

/** Begins a deletion, and rolls it back when the message turns out to be late. */
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
