// Login Kit's routes: consent, tokens with rotation, and revocation.
// https://developers.tiktok.com/doc/oauth-user-access-token-management
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { bodyText } from './answers.ts';
import { decideConsent, showConsent } from './consent.ts';
import { faults } from './faults.ts';
import { report } from './findings.ts';
import { logId } from './ids.ts';
import type { App, Code, Grant, State } from './state.ts';
import { userInfo } from './user-info.ts';

export function addOAuthRoutes(router: Router, state: State): void {
  router.get('/v2/auth/authorize{/}', (koa) => showConsent(state, koa));
  router.post('/v2/auth/authorize{/}', (koa) => decideConsent(state, koa));
  router.post('/v2/oauth/token{/}', faults(state, 'oauth/token'), (koa) => flat(state, koa, token));
  router.post('/v2/oauth/revoke{/}', faults(state, 'oauth/revoke'), (koa) =>
    flat(state, koa, revoke),
  );
  router.get('/v2/user/info{/}', faults(state, 'user/info'), (koa) => userInfo(state, koa));
}

/** A refusal by the OAuth endpoints, whose JSON is flat and whose status may be 200. */
class OAuthRefusal extends Error {
  readonly code: string;
  constructor(code: string, description: string) {
    super(description);
    this.code = code;
  }
}

/** Runs an OAuth call and answers with its flat JSON. */
async function flat(
  state: State,
  koa: Context,
  work: (state: State, app: App, form: URLSearchParams) => Record<string, unknown>,
): Promise<void> {
  try {
    if (!koa.is('application/x-www-form-urlencoded')) {
      throw new OAuthRefusal('invalid_request', 'The request parameters are malformed.');
    }
    const form = new URLSearchParams(await bodyText(koa));
    koa.body = work(state, getClient(state, form), form);
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    if (error.code !== 'invalid_grant')
      report(state, {
        kind: 'violation',
        rule: error.code,
        detail: error.message,
        endpoint: koa.path,
      });
    koa.status = state.settings.oauth_errors_as_200 ? 200 : 400;
    koa.body = { error: error.code, error_description: error.message, log_id: logId() };
  }
}

function getClient(state: State, form: URLSearchParams): App {
  const app = state.apps.find((each) => each.client_key === form.get('client_key'));
  if (!app) throw new OAuthRefusal('invalid_client', 'Client key is not found.');
  const secret = form.get('client_secret');
  if (!secret) throw new OAuthRefusal('invalid_request', 'Client secret is missed in request.');
  const [given, real] = [Buffer.from(secret), Buffer.from(app.client_secret)];
  if (given.length !== real.length || !timingSafeEqual(given, real)) {
    throw new OAuthRefusal('invalid_client', 'Client secret is wrong.');
  }
  return app;
}

function token(state: State, app: App, form: URLSearchParams): Record<string, unknown> {
  const type = form.get('grant_type');
  if (type === 'authorization_code') return exchange(state, app, form);
  if (type === 'refresh_token') return refresh(state, app, form);
  throw new OAuthRefusal('unsupported_grant_type', 'The grant type is not supported.');
}

function exchange(state: State, app: App, form: URLSearchParams): Record<string, unknown> {
  const index = state.codes.findIndex(
    (each) => each.code === form.get('code') && each.client_key === app.client_key,
  );
  const code = state.codes[index];
  if (!code) throw new OAuthRefusal('invalid_grant', 'Authorization code is invalid.');
  // A code is used up even if the rest of the request is refused.
  state.codes.splice(index, 1);
  if (code.expires_at <= Date.now())
    throw new OAuthRefusal('invalid_grant', 'Authorization code is expired.');
  if (code.redirect_uri !== form.get('redirect_uri')) {
    throw new OAuthRefusal(
      'invalid_request',
      'Redirect_uri is not matched with the uri when requesting code.',
    );
  }
  if (code.code_challenge) {
    const verifier = form.get('code_verifier') ?? '';
    const isFormed = /^[A-Za-z0-9\-._~]{43,128}$/.test(verifier);
    // TikTok's challenge is lower-case hex, not base64url as in RFC 7636.
    const hex = createHash('sha256').update(verifier).digest('hex');
    if (!isFormed || hex !== code.code_challenge) {
      throw new OAuthRefusal('invalid_grant', 'Code verifier or code challenge is invalid.');
    }
  }
  const known = state.grants.find(
    (each) => each.open_id === code.open_id && each.client_key === app.client_key,
  );
  const grant: Grant = known ?? { ...emptyGrant(code), used_refresh_tokens: [] };
  if (!known) state.grants.push(grant);
  grant.scopes = code.scopes;
  return issue(state, grant);
}

function refresh(state: State, app: App, form: URLSearchParams): Record<string, unknown> {
  const given = form.get('refresh_token') ?? '';
  const grant = state.grants.find(
    (each) => each.refresh_token === given && each.client_key === app.client_key,
  );
  if (!grant || grant.refresh_expires_at <= Date.now()) {
    const owner = state.grants.find((each) => each.used_refresh_tokens.includes(given));
    if (owner)
      report(state, {
        kind: 'violation',
        rule: 'refresh_token_reused',
        detail: `A rotated refresh token of ${owner.open_id} was used again`,
        endpoint: '/v2/oauth/token/',
      });
    throw new OAuthRefusal('invalid_grant', 'Refresh token is invalid or expired.');
  }
  return issue(state, grant);
}

function emptyGrant(code: Code): Omit<Grant, 'used_refresh_tokens'> {
  return {
    open_id: code.open_id,
    client_key: code.client_key,
    scopes: code.scopes,
    access_token: '',
    access_expires_at: 0,
    refresh_token: '',
    refresh_expires_at: 0,
  };
}

/** Issues new tokens; the ones before no longer work. */
function issue(state: State, grant: Grant): Record<string, unknown> {
  const { access_seconds, refresh_seconds } = state.settings;
  if (grant.refresh_token) grant.used_refresh_tokens.push(grant.refresh_token);
  grant.access_token = `act.${randomBytes(32).toString('base64url')}!4567.u1`;
  grant.refresh_token = `rft.${randomBytes(32).toString('base64url')}!4568.u1`;
  grant.access_expires_at = Date.now() + access_seconds * 1000;
  grant.refresh_expires_at = Date.now() + refresh_seconds * 1000;
  return {
    access_token: grant.access_token,
    expires_in: access_seconds,
    open_id: grant.open_id,
    refresh_expires_in: refresh_seconds,
    refresh_token: grant.refresh_token,
    scope: grant.scopes.join(','),
    token_type: 'Bearer',
  };
}

/**
 * Ends everything that this person granted the app, by any token. Takes the access token:
 * https://developers.tiktok.com/docs/en/oauth-revoke-a-user-access-token
 */
function revoke(state: State, app: App, form: URLSearchParams): Record<string, unknown> {
  const grant = state.grants.find(
    (each) =>
      each.access_token === form.get('token') &&
      each.client_key === app.client_key &&
      each.access_expires_at > Date.now(),
  );
  if (!grant) throw new OAuthRefusal('invalid_grant', 'Access token is invalid.');
  const { open_id, client_key } = grant;
  state.grants = state.grants.filter(
    (each) => each.open_id !== open_id || each.client_key !== client_key,
  );
  state.revocations.push({ open_id: grant.open_id, at: new Date().toISOString() });
  return {};
}
