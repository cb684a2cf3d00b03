// Login Kit: consent page, codes, tokens with rotation, revocation, and user info.
// https://developers.tiktok.com/doc/oauth-user-access-token-management
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { answer, authorize, badParams, bodyText, Refusal } from './answers.ts';
import { faults } from './faults.ts';
import { consentPage, errorPage } from './pages.ts';
import { type Account, type App, type Code, type Grant, logId, note, type State } from './state.ts';

const CODE_MS = 600_000;
const ALL_SCOPES = [
  'user.info.basic',
  'user.info.profile',
  'user.info.stats',
  'video.list',
  'video.publish',
  'video.upload',
];

export function addOAuthRoutes(router: Router, state: State): void {
  router.get('/v2/auth/authorize{/}', (koa) => showConsent(state, koa));
  router.post('/v2/auth/authorize{/}', (koa) => decideConsent(state, koa));
  router.post('/v2/oauth/token{/}', faults(state, 'oauth/token'), (koa) => flat(state, koa, token));
  router.post('/v2/oauth/revoke{/}', faults(state, 'oauth/revoke'), (koa) =>
    flat(state, koa, revoke),
  );
  router.get('/v2/user/info{/}', faults(state, 'user/info'), (koa) => userInfo(state, koa));
}

interface Ask {
  app: App;
  redirect_uri: string;
  state: string;
  scopes: string[];
  code_challenge: string | null;
}

/** What cannot be answered at the redirect address is shown on a page; the rest goes back there. */
function readAsk(
  state: State,
  query: Record<string, string>,
): Ask | { page: string } | { redirect: string } {
  const app = state.apps.find((each) => each.client_key === query['client_key']);
  if (!app) return { page: 'client_key' };
  const redirect_uri = query['redirect_uri'] ?? '';
  if (!app.redirect_uris.some((registered) => isRegistered(registered, redirect_uri)))
    return { page: 'redirect_uri' };
  if (query['response_type'] !== 'code') return { page: 'response_type' };
  if (!query['state']) return { page: 'state' };
  const back = (error: string, description: string) => ({
    redirect: withQuery(redirect_uri, {
      error,
      error_description: description,
      state: query['state'] ?? '',
    }),
  });
  const scopes = (query['scope'] ?? '').split(',');
  if (scopes.some((scope) => !ALL_SCOPES.includes(scope) || !app.scopes.includes(scope))) {
    return back(
      'invalid_scope',
      'The requested scope is invalid, unknown, malformed, or not granted to the app.',
    );
  }
  const challenge = query['code_challenge'];
  if (app.pkce === 'required' && (!challenge || query['code_challenge_method'] !== 'S256')) {
    return back('invalid_request', 'The request parameters are malformed. code_challenge');
  }
  return { app, redirect_uri, state: query['state'], scopes, code_challenge: challenge ?? null };
}

/** Byte for byte; a registered port `*` is the desktop product's wildcard on this machine. */
export function isRegistered(registered: string, given: string): boolean {
  if (registered === given) return true;
  if (!/^http:\/\/(localhost|127\.0\.0\.1):\*\//.test(registered)) return false;
  const [before = '', after = ''] = registered.split('*');
  return (
    given.startsWith(before) &&
    given.endsWith(after) &&
    /^\d{1,5}$/.test(given.slice(before.length, -after.length))
  );
}

function showConsent(state: State, koa: Context): void {
  const ask = readAsk(state, koa.query as Record<string, string>);
  if ('page' in ask) {
    note(state, 'violation', 'authorize', `bad ${ask.page}`, koa.path);
    koa.status = 400;
    koa.type = 'html';
    koa.body = errorPage(ask.page);
  } else if ('redirect' in ask) {
    note(state, 'violation', 'authorize', 'refused scope or challenge', koa.path);
    koa.redirect(ask.redirect);
  } else {
    koa.type = 'html';
    koa.body = consentPage(state.accounts, ask.scopes, koa.querystring);
  }
}

async function decideConsent(state: State, koa: Context): Promise<void> {
  const form = new URLSearchParams(await bodyText(koa));
  const query = Object.fromEntries(new URLSearchParams(form.get('query') ?? ''));
  const ask = readAsk(state, query);
  if ('page' in ask || 'redirect' in ask) throw badParams('The consent form was changed');
  const account = state.accounts.find((each) => each.username === form.get('account'));
  const back = (values: Record<string, string>) =>
    koa.redirect(withQuery(ask.redirect_uri, { ...values, state: ask.state }));
  if (form.get('decision') !== 'allow' || !account) {
    return back({ error: 'access_denied', error_description: 'The user denied the request.' });
  }
  if (ask.app.target_users && !ask.app.target_users.includes(account.username)) {
    return back({
      error: 'access_denied',
      error_type: 'non_sandbox_target',
      error_description: 'Not a target user.',
    });
  }
  const scopes = ask.scopes.filter(
    (scope) => scope === 'user.info.basic' || form.getAll('scope').includes(scope),
  );
  const code = newCode(ask, account, scopes);
  state.codes.push(code);
  back({ code: code.code, scopes: scopes.join(',') });
}

/** Real codes hold `*` and `!`, which must be decoded before the exchange. */
function newCode(ask: Ask, account: Account, scopes: string[]): Code {
  return {
    code: `${randomBytes(24).toString('base64url')}*1!${1000 + Math.floor(Math.random() * 9000)}.u1`,
    client_key: ask.app.client_key,
    redirect_uri: ask.redirect_uri,
    open_id: account.open_id,
    scopes,
    code_challenge: ask.code_challenge,
    expires_at: Date.now() + CODE_MS,
  };
}

function withQuery(base: string, values: Record<string, string>): string {
  const url = new URL(base);
  for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
  return url.href;
}

/** A refusal of the OAuth endpoints: flat, and at times with HTTP 200. */
class OAuthRefusal extends Error {
  readonly code: string;
  constructor(code: string, description: string) {
    super(description);
    this.code = code;
  }
}

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
    koa.body = work(state, clientOf(state, form), form);
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    if (error.code !== 'invalid_grant')
      note(state, 'violation', error.code, error.message, koa.path);
    koa.status = state.settings.oauth_errors_as_200 ? 200 : 400;
    koa.body = { error: error.code, error_description: error.message, log_id: logId() };
  }
}

function clientOf(state: State, form: URLSearchParams): App {
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
  // Single use, also when what follows refuses it.
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
    const is_formed = /^[A-Za-z0-9\-._~]{43,128}$/.test(verifier);
    // Lowercase hex, not base64url as the RFC has it.
    const hex = createHash('sha256').update(verifier).digest('hex');
    if (!is_formed || hex !== code.code_challenge) {
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
    const is_reuse = state.grants.some((each) => each.used_refresh_tokens.includes(given));
    if (is_reuse)
      note(
        state,
        'violation',
        'refresh_token_reused',
        'A rotated refresh token was used again',
        '/v2/oauth/token/',
      );
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

/** Every issue rotates both tokens; the previous ones are dead. */
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

/** Takes the access token: https://developers.tiktok.com/docs/en/oauth-revoke-a-user-access-token */
function revoke(state: State, app: App, form: URLSearchParams): Record<string, unknown> {
  const index = state.grants.findIndex(
    (each) =>
      each.access_token === form.get('token') &&
      each.client_key === app.client_key &&
      each.access_expires_at > Date.now(),
  );
  const grant = state.grants[index];
  if (!grant) throw new OAuthRefusal('invalid_grant', 'Access token is invalid.');
  state.grants.splice(index, 1);
  state.revocations.push({ open_id: grant.open_id, at: new Date().toISOString() });
  return {};
}

const FIELDS: Record<string, string> = {
  open_id: 'user.info.basic',
  union_id: 'user.info.basic',
  avatar_url: 'user.info.basic',
  avatar_url_100: 'user.info.basic',
  avatar_large_url: 'user.info.basic',
  display_name: 'user.info.basic',
  bio_description: 'user.info.profile',
  profile_deep_link: 'user.info.profile',
  is_verified: 'user.info.profile',
  username: 'user.info.profile',
  follower_count: 'user.info.stats',
  following_count: 'user.info.stats',
  likes_count: 'user.info.stats',
  video_count: 'user.info.stats',
};

/** One field outside the granted scopes fails the whole call. */
function userInfo(state: State, koa: Context): void {
  const { grant, account } = authorize(state, koa, 'user/info', [], 600);
  const fields = String(koa.query['fields'] ?? '')
    .split(',')
    .filter(Boolean);
  if (fields.length === 0) throw badParams('Field fields is required');
  const unknown = fields.find((field) => !FIELDS[field]);
  if (unknown) throw badParams(`Field ${unknown} is not known`);
  if (fields.some((field) => !grant.scopes.includes(FIELDS[field] ?? ''))) {
    throw new Refusal(
      401,
      'scope_not_authorized',
      'The user did not authorize the scope required for completing this request.',
    );
  }
  const values: Record<string, unknown> = {
    open_id: account.open_id,
    display_name: account.nickname,
    username: account.username,
    bio_description: account.bio,
    is_verified: false,
    avatar_url: `http://${koa.host}/avatar/${account.username}.svg`,
    profile_deep_link: `http://${koa.host}/@${account.username}`,
  };
  const user = Object.fromEntries(fields.map((field) => [field, values[field] ?? 0]));
  answer(koa, JSON.stringify({ user }));
}
