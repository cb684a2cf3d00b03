// Revokes, drops or stores the token that a sign-in by a one-time link brought.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { findGrant, type Grant, saveGrant } from '../creators/grants.ts';
import { lockIfStaying } from '../creators/leaving.ts';
import { sealTokens } from '../creators/sealed-tokens.ts';
import { type Creator, findCreatorByOpenId } from '../creators/store.ts';
import { getAccess, revokeUnstored } from '../creators/tokens.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';

/**
 * We do not need this token, and the person connected nothing, so it is revoked at TikTok. But
 * revoking it ends everything that this person ever granted us, so it is dropped instead when the
 * person is connected. If it is the account of the request, and TikTok let the new token replace the
 * stored one, the new one is stored: the deletion needs it to end the permission.
 */
export async function settleToken(
  ctx: Context,
  { answer, isMatch }: { answer: TokenAnswer; isMatch: boolean },
  signal: AbortSignal,
): Promise<void> {
  const owner = await findCreatorByOpenId(ctx.db, answer.open_id);
  const stored = owner && !owner.disconnected_at && (await findGrant(ctx.db, owner.id));
  if (!owner || !stored) return revokeUnstored(ctx, answer, signal);
  if (!isMatch || !(await isReplaced(ctx, stored, signal))) return;
  const isConnected = await replace(ctx, owner, stored, answer);
  if (!isConnected) await revokeUnstored(ctx, answer, signal);
}

async function isReplaced(
  ctx: Context,
  { creator_id }: Grant,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { token } = await getAccess(ctx, creator_id, signal);
    await ctx.tiktok.userInfo(token, ['user.info.basic'], { signal });
    return false;
  } catch (error) {
    if (error instanceof Problem) return error.code === 'creator_disconnected';
    return error instanceof TikTokError && error.code === 'access_token_invalid';
  }
}

/**
 * Returns false, and stores nothing, when the account began to leave or lost its permission
 * meanwhile. The lock keeps both from happening until the transaction ends.
 */
async function replace(
  ctx: Context,
  { id }: Creator,
  stored: Grant,
  answer: TokenAnswer,
): Promise<boolean> {
  return ctx.db.transaction(async (trx) => {
    if (!(await lockIfStaying(trx, id))) return false;
    const now = await findGrant(trx, id);
    // A grant that was connected again or refreshed meanwhile is newer than ours, and stays.
    if (now?.version === stored.version) {
      await saveGrant(trx, {
        ...{ creator_id: id, granted_at_tiktok: answer.told_at },
        ...sealTokens(ctx, id, answer),
      });
    }
    return now !== undefined;
  });
}
