// Connect with TikTok: the creator that comes of a way there and back.
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Returned, usedInvitation } from '../creators/authorization.ts';
import { saveGrant } from '../creators/grants.ts';
import { useInvitation } from '../creators/invitations.ts';
import { type Creator, findCreatorByOpenId, type Profile, saveCreator } from '../creators/store.ts';
import { sealTokens } from '../creators/tokens.ts';
import { REVOCATION_LEASE_SECONDS, supersedeRevocations } from '../deletion/revocation-store.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';

// A little longer than one try to revoke holds its lease.
const BUSY_MS = (REVOCATION_LEASE_SECONDS + 1) * 1000;

/** The creator who connected. Throws `sign_up_closed`. */
export async function finishSignIn(
  ctx: Context,
  { state, answer }: Returned,
  signal: AbortSignal,
): Promise<Creator> {
  const known = await findCreatorByOpenId(ctx.db, answer.open_id);
  const creator = await storeIfWelcome().catch(async (error) => {
    // Nobody keeps a permission for an account that was not let in.
    if (error instanceof Problem && error.code === 'sign_up_closed') await giveBack(ctx, answer);
    throw error;
  });
  // No id: a line of the log outlives the account.
  ctx.log.info({ event: known ? 'creator.signed_in' : 'creator.connected' });
  return creator;

  async function storeIfWelcome(): Promise<Creator> {
    if (!known && ctx.config.SIGN_UP === 'invite' && !state.invitation_id) {
      throw new Problem('sign_up_closed', 'Connecting here needs an invitation from the operator.');
    }
    const profile = await fetchProfile(ctx, answer, known, signal);
    return storeOnceFree(ctx, answer, profile, state.invitation_id, signal);
  }
}

async function giveBack(ctx: Context, { access_token }: TokenAnswer): Promise<void> {
  await ctx.tiktok.revoke(access_token, { signal: AbortSignal.timeout(10_000) }).catch(() => {});
}

/**
 * A revocation of this person's old grant that is still to come would end the new one, and is dropped
 * with the same commit. One that is being tried right now is waited for; once it was done, nobody can
 * say whether the new grant lives.
 */
async function storeOnceFree(
  ctx: Context,
  answer: TokenAnswer,
  profile: Profile,
  invitationId: string | null,
  signal: AbortSignal,
): Promise<Creator> {
  const deadline = Date.now() + BUSY_MS;
  let doubt: Doubt = 'none';
  for (;;) {
    const stored = await store(ctx, answer, profile, invitationId, doubt);
    if (stored === 'doubtful') {
      if (!(await isAlive(ctx, answer))) throw connectAgain();
      doubt = 'settled';
    } else if (stored === 'busy') {
      if (Date.now() > deadline) throw connectAgain();
      doubt = 'had_to_wait';
      await sleep(250, undefined, { signal });
    } else return stored;
  }
}

/** Whether a revocation may have ended the new grant: after waiting for one, until TikTok was asked. */
type Doubt = 'none' | 'had_to_wait' | 'settled';

/** All or nothing; `busy` and `doubtful` leave nothing behind. */
async function store(
  ctx: Context,
  answer: TokenAnswer,
  profile: Profile,
  invitationId: string | null,
  doubt: Doubt,
): Promise<Creator | 'busy' | 'doubtful'> {
  try {
    return await ctx.db.transaction(async (trx) => {
      // Asked in here: an account may have been deleted while TikTok was answering.
      const isKnown = (await findCreatorByOpenId(trx, answer.open_id)) !== undefined;
      const creator = await saveCreator(trx, profile, ctx.config);
      const isWelcome = isKnown || ctx.config.SIGN_UP === 'open';
      if (!isWelcome && !(invitationId && (await useInvitation(trx, invitationId, creator.id)))) {
        throw usedInvitation();
      }
      await saveGrant(trx, { creator_id: creator.id, ...sealTokens(ctx, creator.id, answer) });
      const hashes = ctx.secrets.keyedHashes(answer.open_id, 'open_id');
      const { superseded, isBusy } = await supersedeRevocations(trx, hashes);
      if (isBusy) throw new Undone('busy');
      if (doubt === 'had_to_wait' && superseded === 0) throw new Undone('doubtful');
      return creator;
    });
  } catch (error) {
    if (error instanceof Undone) return error.reason;
    throw error;
  }
}

/** Whether TikTok still takes the token that it gave a moment ago. */
async function isAlive(ctx: Context, { access_token, scopes }: TokenAnswer): Promise<boolean> {
  const limit = { signal: AbortSignal.timeout(10_000) };
  try {
    if (scopes.includes('user.info.basic')) await ctx.tiktok.userInfo(access_token, scopes, limit);
    else await ctx.tiktok.creatorInfo(access_token, limit);
    return true;
  } catch (error) {
    return error instanceof TikTokError && error.kind !== 'refused';
  }
}

/** Takes the transaction back: a revocation is being tried at this moment, or was. */
class Undone extends Error {
  override name = 'Undone';
  readonly reason: 'busy' | 'doubtful';
  constructor(reason: Undone['reason']) {
    super(reason);
    this.reason = reason;
  }
}

function connectAgain(): Problem {
  return new Problem(
    'unavailable',
    'TikTok was ending your earlier permission at this very moment, so the new one may have ended with it. Connect once more.',
  );
}

/** Names as far as the granted scopes tell them; a failing question does not stop a sign-in. */
async function fetchProfile(
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
