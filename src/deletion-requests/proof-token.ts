// What becomes of the token that the sign-in of a proof brought: it is given back, dropped, or ends up where it can be revoked.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { findGrant, type Grant, saveGrant } from '../creators/grants.ts';
import { lockIfStaying } from '../creators/leaving.ts';
import { type Creator, findCreatorByOpenId } from '../creators/store.ts';
import { getAccess, revokeUnstored, sealTokens } from '../creators/tokens.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';

/**
 * The token itself is of no use to us, and whoever signed in connected nothing: it is given back at
 * TikTok. Of somebody who is connected it must not be: revoking ends all that this person ever
 * granted us. Then it is dropped, except of the right account where TikTok let it replace the stored
 * one: the deletion that was asked for could not end that permission any more.
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
 * False when the account began to leave or lost its permission meanwhile, with nothing stored. The
 * lock holds off both until this is decided.
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
    // Connected again or refreshed meanwhile: that one lives, and counts.
    if (now?.version === stored.version) {
      await saveGrant(trx, { creator_id: id, ...sealTokens(ctx, id, answer) });
    }
    return now !== undefined;
  });
}
