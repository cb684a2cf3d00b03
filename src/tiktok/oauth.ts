// Login Kit, v2: the authorize address, PKCE as TikTok means it, and the token calls.
// https://developers.tiktok.com/doc/oauth-user-access-token-management
import { createHash, randomBytes } from 'node:crypto';
import { addToNow } from '../base/database-time.ts';
import { TikTokError } from './errors.ts';
import { callApi, readOAuthData } from './requests.ts';
import { tokens } from './wire.ts';

export interface OAuthOptions {
  clientKey: string;
  clientSecret: string;
  authorizeUrl: string;
  apiUrl: string;
  timeoutMs: number;
}

export interface TokenAnswer {
  access_token: string;
  refresh_token: string;
  open_id: string;
  /** What was granted, which may be less than was asked for. */
  scopes: string[];
  access_expires_at: Date;
  refresh_expires_at: Date;
  /** When TikTok gave them, by its own clock; null where it does not say. */
  told_at: Date | null;
}

/** Lowercase HEX of SHA-256, not base64url: https://developers.tiktok.com/doc/login-kit-desktop/ */
export function pkceChallenge(verifier: string): string {
  return createHash('sha256').update(verifier).digest('hex');
}

/** 43 to 128 characters of `[A-Za-z0-9-._~]`. */
export function newVerifier(): string {
  return randomBytes(48).toString('base64url');
}

/**
 * `disable_auto_auth=1` makes TikTok always show its page, so that people see what they consent to
 * and can choose another account.
 */
export function authorizeUrl(
  options: OAuthOptions,
  ask: { state: string; scopes: string[]; redirect_uri: string; code_challenge?: string },
): string {
  const url = new URL(options.authorizeUrl);
  url.searchParams.set('client_key', options.clientKey);
  url.searchParams.set('scope', ask.scopes.join(','));
  url.searchParams.set('response_type', 'code');
  url.searchParams.set('redirect_uri', ask.redirect_uri);
  url.searchParams.set('state', ask.state);
  url.searchParams.set('disable_auto_auth', '1');
  if (ask.code_challenge) {
    url.searchParams.set('code_challenge', ask.code_challenge);
    url.searchParams.set('code_challenge_method', 'S256');
  }
  return url.href;
}

/** `code` as it was decoded from the callback's query. */
export async function exchange(
  options: OAuthOptions,
  ask: { code: string; redirect_uri: string; code_verifier?: string },
  signal: AbortSignal,
): Promise<TokenAnswer> {
  return tokensFrom(
    await post(options, 'token', { grant_type: 'authorization_code', ...ask }, signal),
  );
}

/** The refresh token given here stops working, whether or not the answer arrives. */
export async function refresh(
  options: OAuthOptions,
  refreshToken: string,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  return tokensFrom(
    await post(
      options,
      'token',
      { grant_type: 'refresh_token', refresh_token: refreshToken },
      signal,
    ),
  );
}

/** https://developers.tiktok.com/docs/en/oauth-revoke-a-user-access-token */
export async function revoke(
  options: OAuthOptions,
  accessToken: string,
  signal: AbortSignal,
): Promise<void> {
  await post(options, 'revoke', { token: accessToken }, signal);
}

async function post(
  options: OAuthOptions,
  call: 'token' | 'revoke',
  fields: Record<string, string>,
  signal: AbortSignal,
): Promise<OAuthAnswer> {
  const { clientKey, clientSecret } = options;
  const reply = await callApi({
    method: 'POST',
    url: `${options.apiUrl}/v2/oauth/${call}/`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'cache-control': 'no-cache' },
    body: new URLSearchParams({
      client_key: clientKey,
      client_secret: clientSecret,
      ...fields,
    }).toString(),
    timeoutMs: options.timeoutMs,
    signal,
  });
  return { json: readOAuthData(reply), toldAt: readDate(reply.headers['date']) };
}

interface OAuthAnswer {
  json: unknown;
  toldAt: Date | null;
}

/** The header `Date` of an answer is the server's clock. */
function readDate(header: string | string[] | undefined): Date | null {
  const at = new Date(String(header ?? ''));
  return Number.isNaN(at.getTime()) ? null : at;
}

function tokensFrom({ json, toldAt }: OAuthAnswer): TokenAnswer {
  const parsed = tokens.safeParse(json);
  if (!parsed.success) throw new TikTokError({ kind: 'unreadable', code: 'unreadable_answer' });
  const { access_token, refresh_token, open_id, scope, expires_in, refresh_expires_in } =
    parsed.data;
  return {
    access_token,
    refresh_token,
    open_id,
    scopes: scope
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
    access_expires_at: addToNow(expires_in * 1000),
    refresh_expires_at: addToNow(refresh_expires_in * 1000),
    told_at: toldAt,
  };
}
