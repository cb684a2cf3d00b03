// Connect with TikTok: the redirect there, the callback, and the creator that comes of it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.ts';
import { supersedeRevocations } from '../deletions/store.ts';
import { Problem } from '../errors.ts';
import { randomToken, sha256 } from '../secrets.ts';
import { TikTokError } from '../tiktok/errors.ts';
import { newVerifier, pkceChallenge, type TokenAnswer } from '../tiktok/oauth.ts';
import {
  type Creator,
  findCreatorByOpenId,
  findInvitation,
  insertOAuthState,
  type OAuthState,
  type Profile,
  saveCreator,
  saveGrant,
  takeOAuthState,
  useInvitation,
} from './store.ts';
import { sealTokens } from './tokens.ts';

const STATE_MINUTES = 10;
// As long as one try to revoke holds its lease.
const BUSY_MS = 61_000;
const VERIFIER_CONTEXT = 'oauth_states.code_verifier';

export function redirectUri(ctx: Context): string {
  return `${ctx.config.PUBLIC_URL}/auth/tiktok/callback`;
}

/** TikTok wants PKCE of desktop apps only; its web login takes none. */
function wantsPkce(ctx: Context): boolean {
  const { TIKTOK_PKCE, is_local, PUBLIC_URL } = ctx.config;
  if (TIKTOK_PKCE !== 'auto') return TIKTOK_PKCE === 'on';
  return is_local && PUBLIC_URL.startsWith('http:');
}

/** The address of TikTok's consent page, and the secret that binds its answer to this browser. */
export async function beginSignIn(
  ctx: Context,
  invitation_token: string | null,
): Promise<{ url: string; browser_token: string }> {
  const invitation = invitation_token
    ? await findInvitation(ctx.db, sha256(invitation_token))
    : null;
  if (invitation_token && !invitation) throw usedInvitation();
  const { TIKTOK_SCOPES } = ctx.config;
  return begin(ctx, TIKTOK_SCOPES, { invitation_id: invitation?.id ?? null });
}

/** The same way there for a one-time link: it asks who somebody is, and for nothing else. */
export async function beginProof(
  ctx: Context,
  link: { request_id: string; proof_token_hash: string },
): Promise<{ url: string; browser_token: string }> {
  return begin(ctx, ['user.info.basic'], link);
}

async function begin(
  ctx: Context,
  scopes: string[],
  purpose: Partial<OAuthState>,
): Promise<{ url: string; browser_token: string }> {
  const state = randomToken(256);
  const browser_token = randomToken(256);
  const verifier = wantsPkce(ctx) ? newVerifier() : null;
  await insertOAuthState(ctx.db, {
    state_hash: sha256(state),
    browser_hash: sha256(browser_token),
    code_verifier: verifier && ctx.secrets.seal(verifier, VERIFIER_CONTEXT),
    expires_at: new Date(Date.now() + STATE_MINUTES * 60_000),
    ...purpose,
  });
  const url = ctx.tiktok.authorizeUrl({
    state,
    scopes,
    redirect_uri: redirectUri(ctx),
    ...(verifier ? { code_challenge: pkceChallenge(verifier) } : {}),
  });
  return { url, browser_token };
}

export interface Callback {
  code?: string | undefined;
  state?: string | undefined;
  error?: string | undefined;
  browser_token?: string | undefined;
}

/** Who came back from TikTok, and what the way there was begun for. */
export interface Returned {
  state: OAuthState;
  answer: TokenAnswer;
}

/** Throws `forbidden`, `unavailable` or `tiktok_refused`. */
export async function exchangeCode(
  ctx: Context,
  callback: Callback,
  signal: AbortSignal,
): Promise<Returned> {
  const state = callback.state ? await takeOAuthState(ctx.db, sha256(callback.state)) : undefined;
  if (!state || !callback.browser_token || state.browser_hash !== sha256(callback.browser_token)) {
    throw new Problem(
      'forbidden',
      'This sign-in was not begun in this browser, was used already, or is older than ten minutes. Begin again.',
    );
  }
  if (callback.error) throw refusedSignIn(callback.error);
  if (!callback.code)
    throw new Problem('invalid_request', 'TikTok sent neither a code nor an error. Begin again.');
  const verifier = state.code_verifier && ctx.secrets.open(state.code_verifier, VERIFIER_CONTEXT);
  const answer = await ctx.tiktok
    .exchange(
      {
        code: callback.code,
        redirect_uri: redirectUri(ctx),
        ...(verifier ? { code_verifier: verifier } : {}),
      },
      { signal },
    )
    .catch(explain);
  return { state, answer };
}

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

function usedInvitation(): Problem {
  return new Problem(
    'sign_up_closed',
    'This invitation was used already or has ended. Ask the operator for a new one.',
  );
}

function refusedSignIn(error: string): Problem {
  const code = /^[a-z_]{1,64}$/.test(error) ? error : 'unknown';
  const tiktok = { code, message: '', log_id: null };
  if (code === 'access_denied') {
    return new Problem(
      'forbidden',
      'You did not allow the connection on TikTok’s page, so nothing was connected.',
      { tiktok },
    );
  }
  if (code === 'invalid_scope') {
    return new Problem(
      'tiktok_refused',
      'TikTok has not approved one of the scopes this instance asks for. The operator can change TIKTOK_SCOPES.',
      { tiktok },
    );
  }
  return new Problem(
    'tiktok_refused',
    `TikTok refused the sign-in (${code}). Begin again; if it stays, tell the operator.`,
    { tiktok },
  );
}

function explain(error: unknown): never {
  if (error instanceof TikTokError && error.kind === 'refused') throw refusedSignIn(error.code);
  if (error instanceof TikTokError) {
    throw new Problem(
      'unavailable',
      'TikTok does not answer at the moment. Begin again in a minute.',
      { cause: error },
    );
  }
  throw error;
}
