// Connect with TikTok: the creator that comes of a way there and back.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { type Returned, usedInvitation } from '../creators/authorization.ts';
import { saveGrant } from '../creators/grants.ts';
import { useInvitation } from '../creators/invitations.ts';
import { type Creator, findCreatorByOpenId, type Profile, saveCreator } from '../creators/store.ts';
import { sealTokens } from '../creators/tokens.ts';
import { supersedeRevocations } from '../deletions/revocations.ts';
import { Problem } from '../errors.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';

// As long as one try to revoke holds its lease.
const BUSY_MS = 61_000;

/** The creator who connected. Throws `sign_up_closed`. */
export async function finishSignIn(
  ctx: Context,
  { state, answer }: Returned,
  signal: AbortSignal,
): Promise<Creator> {
  await supersede(ctx, answer.open_id, signal);
  const known = await findCreatorByOpenId(ctx.db, answer.open_id);
  if (!known && ctx.config.SIGN_UP === 'invite' && !state.invitation_id) {
    // Nobody keeps a permission for an account that was not let in.
    await ctx.tiktok.revoke(answer.access_token, { signal }).catch(() => {});
    throw new Problem('sign_up_closed', 'Connecting here needs an invitation from the operator.');
  }
  const profile = await profileOf(ctx, answer, known, signal);
  const creator = await store(ctx, answer, profile, known, state.invitation_id);
  // No id: a line of the log outlives the account.
  ctx.log.info({ event: known ? 'creator.signed_in' : 'creator.connected' });
  return creator;
}

/**
 * A revocation of this person's old grant that is still pending would end the new one: it is
 * dropped, and one that is being tried right now is waited for.
 */
async function supersede(ctx: Context, open_id: string, signal: AbortSignal): Promise<void> {
  const hashes = ctx.secrets.keyedHashes(open_id, 'open_id');
  const deadline = Date.now() + BUSY_MS;
  for (;;) {
    const { is_busy } = await supersedeRevocations(ctx.db, hashes);
    if (!is_busy || Date.now() > deadline) return;
    await sleep(250, undefined, { signal });
  }
}

async function store(
  ctx: Context,
  answer: TokenAnswer,
  profile: Profile,
  known: Creator | undefined,
  invitation_id: string | null,
): Promise<Creator> {
  return ctx.db.transaction(async (trx) => {
    const creator = await saveCreator(trx, profile, ctx.config);
    const is_welcome = known || ctx.config.SIGN_UP === 'open';
    if (!is_welcome && !(invitation_id && (await useInvitation(trx, invitation_id, creator.id)))) {
      throw usedInvitation();
    }
    await saveGrant(trx, { creator_id: creator.id, ...sealTokens(ctx, creator.id, answer) });
    return creator;
  });
}

/** Names as far as the granted scopes tell them; a failing question does not stop a sign-in. */
async function profileOf(
  ctx: Context,
  answer: TokenAnswer,
  known: Creator | undefined,
  signal: AbortSignal,
): Promise<Profile> {
  const profile: Profile = {
    open_id: answer.open_id,
    username: known?.username ?? null,
    nickname: known?.nickname ?? null,
    avatar_url: known?.avatar_url ?? null,
  };
  try {
    if (answer.scopes.includes('user.info.basic')) {
      const user = await ctx.tiktok.userInfo(answer.access_token, answer.scopes, { signal });
      profile.nickname = user.display_name ?? profile.nickname;
      profile.avatar_url = user.avatar_url ?? profile.avatar_url;
      if (user.username) confirmName(profile, user.username);
    }
    if (!profile.username && answer.scopes.includes('video.publish')) {
      const info = await ctx.tiktok.creatorInfo(answer.access_token, { signal });
      if (info.can_post && info.username) confirmName(profile, info.username);
    }
  } catch (error) {
    if (!(error instanceof TikTokError)) throw error;
    ctx.log.warn({ event: 'profile.unknown', code: error.code });
  }
  return profile;
}

function confirmName(profile: Profile, username: string): void {
  profile.username = username;
  profile.name_confirmed_at = new Date();
}
