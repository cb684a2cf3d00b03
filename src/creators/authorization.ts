// OAuth with TikTok: to the consent page and back, bound to one browser and usable once.
import { addToNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { TikTokError } from '../tiktok/errors.ts';
import { newVerifier, pkceChallenge, type TokenAnswer } from '../tiktok/oauth.ts';
import { findInvitation } from './invitations.ts';
import { insertOAuthState, type OAuthState, takeOAuthState } from './oauth-states.ts';

const STATE_MINUTES = 10;
const VERIFIER_CONTEXT = 'oauth_states.code_verifier';

/** Returns our callback address, which must be registered with the TikTok app. */
export function redirectUri(ctx: Context): string {
  return `${ctx.config.PUBLIC_URL}/auth/tiktok/callback`;
}

/** TikTok requires PKCE from desktop apps and does not accept it in its web login. */
function wantsPkce(ctx: Context): boolean {
  const { TIKTOK_PKCE, isLocal, PUBLIC_URL } = ctx.config;
  if (TIKTOK_PKCE !== 'auto') return TIKTOK_PKCE === 'on';
  return isLocal && PUBLIC_URL.startsWith('http:');
}

/**
 * Begins a sign-in. Returns the address of TikTok's consent page, and the secret for the cookie
 * that binds TikTok's answer to this browser.
 * @throws Problem `sign_up_closed` if the invitation was used or has ended.
 */
export async function beginSignIn(
  ctx: Context,
  invitationToken: string | null,
): Promise<{ url: string; browser_token: string }> {
  const invitation = invitationToken ? await findInvitation(ctx.db, sha256(invitationToken)) : null;
  if (invitationToken && !invitation) throw usedInvitation();
  const { TIKTOK_SCOPES } = ctx.config;
  return begin(ctx, TIKTOK_SCOPES, { invitation_id: invitation?.id ?? null });
}

/**
 * Begins the sign-in of a deletion request's one-time link. It asks for the basic profile alone.
 */
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
  const browserToken = randomToken(256);
  const verifier = wantsPkce(ctx) ? newVerifier() : null;
  await insertOAuthState(ctx.db, {
    state_hash: sha256(state),
    browser_hash: sha256(browserToken),
    code_verifier: verifier && ctx.secrets.seal(verifier, VERIFIER_CONTEXT),
    expires_at: addToNow(STATE_MINUTES * 60_000),
    ...purpose,
  });
  const url = ctx.tiktok.authorizeUrl({
    state,
    scopes,
    redirect_uri: redirectUri(ctx),
    ...(verifier ? { code_challenge: pkceChallenge(verifier) } : {}),
  });
  return { url, browser_token: browserToken };
}

/** What TikTok sent to the callback address, and the cookie of the browser that called it. */
export interface Callback {
  code?: string | undefined;
  state?: string | undefined;
  error?: string | undefined;
  browserToken?: string | undefined;
}

/** TikTok's answer to a sign-in, and the state that was stored when it began. */
export interface Returned {
  state: OAuthState;
  answer: TokenAnswer;
}

/**
 * Exchanges the code of a callback for tokens. The state can be used once.
 * @throws Problem `forbidden`, `invalid_request`, `unavailable` or `tiktok_refused`.
 */
export async function exchangeCode(
  ctx: Context,
  callback: Callback,
  signal: AbortSignal,
): Promise<Returned> {
  const state = callback.state ? await takeOAuthState(ctx.db, sha256(callback.state)) : undefined;
  if (!state || !callback.browserToken || state.browser_hash !== sha256(callback.browserToken)) {
    throw new Problem(
      'forbidden',
      'This sign-in belongs to another browser, was used already, or is older than ten minutes. Begin again.',
    );
  }
  if (callback.error) throw refusedSignIn(callback.error);
  if (!callback.code)
    throw new Problem('invalid_request', 'TikTok’s answer was incomplete. Begin again.');
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
    .catch(rethrowAsProblem);
  return { state, answer };
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
    `TikTok refused the sign-in (${code}). Begin again. If it is refused again, tell the operator.`,
    { tiktok },
  );
}

function rethrowAsProblem(error: unknown): never {
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

/** Returns the Problem of an invitation that is no longer valid. */
export function usedInvitation(): Problem {
  return new Problem(
    'sign_up_closed',
    'This invitation was used already or has ended. Ask the operator for a new one.',
  );
}
