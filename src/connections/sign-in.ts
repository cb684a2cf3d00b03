// Finishes a sign-in with TikTok: stores the creator, the profile and the tokens.
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Returned, usedInvitation } from '../creators/authorization.ts';
import { saveGrant } from '../creators/grants.ts';
import { useInvitation } from '../creators/invitations.ts';
import { sealTokens } from '../creators/sealed-tokens.ts';
import { type Creator, findCreatorByOpenId, type Profile, saveCreator } from '../creators/store.ts';
import { revokeUnstored } from '../creators/tokens.ts';
import { REVOCATION_LEASE_SECONDS, supersedeRevocations } from '../deletion/revocation-store.ts';
import { askAgain } from '../jobs/permission.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';

// A little longer than a try to revoke can hold its lease.
const BUSY_MS = (REVOCATION_LEASE_SECONDS + 1) * 1000;

/**
 * Returns the creator who connected.
 * @throws Problem `sign_up_closed` for an unknown creator without a valid invitation, `unavailable`
 * when a revocation may have ended the new grant.
 */
export async function finishSignIn(
  ctx: Context,
  { state, answer }: Returned,
  signal: AbortSignal,
): Promise<Creator> {
  const known = await findCreatorByOpenId(ctx.db, answer.open_id);
  const creator = await storeIfWelcome().catch(async (error) => {
    // We keep no permission of a person who may not connect here.
    if (error instanceof Problem && error.code === 'sign_up_closed') {
      await revokeUnstored(ctx, answer, AbortSignal.timeout(10_000));
    }
    throw error;
  });
  // The log line holds no id, since it outlives the account.
  ctx.log.info({ event: known ? 'creator.signed_in' : 'creator.connected' });
  return creator;

  async function storeIfWelcome(): Promise<Creator> {
    if (!known && ctx.config.SIGN_UP === 'invite' && !state.invitation_id) {
      throw new Problem('sign_up_closed', 'Connecting here needs an invitation from the operator.');
    }
    const profile = await fetchProfile(ctx, answer, known, signal);
    const connection = { answer, profile, invitationId: state.invitation_id };
    return storeOnceFree(ctx, connection, signal);
  }
}

/** What a sign-in brought, to be stored. */
interface Connection {
  answer: TokenAnswer;
  profile: Profile;
  invitationId: string | null;
}

/**
 * Stores the connection when no revocation of this person's old grant is under way, because TikTok
 * ends the new grant with the old one. A pending revocation is dropped in the same transaction. One
 * that is being tried is waited for; after it, TikTok is asked whether the new grant is still valid.
 */
async function storeOnceFree(
  ctx: Context,
  connection: Connection,
  signal: AbortSignal,
): Promise<Creator> {
  const deadline = performance.now() + BUSY_MS;
  let doubt: Doubt = 'none';
  for (;;) {
    const stored = await store(ctx, connection, doubt);
    if (stored === 'doubtful') {
      if (!(await isAlive(ctx, connection.answer))) throw connectAgain();
      doubt = 'settled';
    } else if (stored === 'busy') {
      if (performance.now() > deadline) throw connectAgain();
      doubt = 'had_to_wait';
      await sleep(250, undefined, { signal });
    } else return stored;
  }
}

/** Whether a revocation that we waited for may have ended the new grant; `settled`: TikTok was asked. */
type Doubt = 'none' | 'had_to_wait' | 'settled';

/** Stores the connection in one transaction; for `busy` and `doubtful` it is rolled back. */
async function store(
  ctx: Context,
  { answer, profile, invitationId }: Connection,
  doubt: Doubt,
): Promise<Creator | 'busy' | 'doubtful'> {
  try {
    return await ctx.db.transaction(async (trx) => {
      // Read again inside, since the account may have been deleted while TikTok was answering.
      const isKnown = (await findCreatorByOpenId(trx, answer.open_id)) !== undefined;
      const creator = await saveCreator(trx, profile, ctx.config);
      const isWelcome = isKnown || ctx.config.SIGN_UP === 'open';
      if (!isWelcome && !(invitationId && (await useInvitation(trx, invitationId, creator.id)))) {
        throw usedInvitation();
      }
      await saveGrant(trx, {
        ...{ creator_id: creator.id, granted_at_tiktok: answer.told_at },
        ...sealTokens(ctx, creator.id, answer),
      });
      await askAgain(trx, creator.id);
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

/** Asks TikTok whether it still accepts the token that it gave a moment ago. */
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

/** Rolls the transaction back because a revocation is being tried, or was a moment ago. */
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
    'TikTok was ending your earlier permission at this moment, so the new one may have ended with it. Please connect once more.',
  );
}

/** Asks TikTok for the names, as far as the granted scopes allow. An error does not stop a sign-in. */
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
  profile.name_confirmed_at = databaseNow();
}
