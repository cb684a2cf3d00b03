// Shows the consent page with what an app asks for, and takes the person's decision.
// https://developers.tiktok.com/doc/login-kit-web
import { randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import { badParams, bodyText } from './answers.ts';
import { report } from './findings.ts';
import { consentPage, errorPage } from './pages.ts';
import type { Account, App, Code, State } from './state.ts';

const CODE_MS = 600_000;
const ALL_SCOPES = [
  'user.info.basic',
  'user.info.profile',
  'user.info.stats',
  'video.list',
  'video.publish',
  'video.upload',
];

interface Ask {
  app: App;
  redirect_uri: string;
  state: string;
  scopes: string[];
  code_challenge: string | null;
}

/**
 * Reads what the app asks for. A fault is returned as `page` if the redirect URI cannot be trusted
 * with it, else as `redirect`.
 */
function readAsk(
  state: State,
  query: Record<string, string>,
): Ask | { page: string } | { redirect: string } {
  const app = state.apps.find((each) => each.client_key === query['client_key']);
  if (!app) return { page: 'client_key' };
  const redirectUri = query['redirect_uri'] ?? '';
  if (!app.redirect_uris.some((registered) => isRegistered(registered, redirectUri)))
    return { page: 'redirect_uri' };
  if (query['response_type'] !== 'code') return { page: 'response_type' };
  if (!query['state']) return { page: 'state' };
  const back = (error: string, description: string) => ({
    redirect: withQuery(redirectUri, {
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
  return {
    app,
    redirect_uri: redirectUri,
    state: query['state'],
    scopes,
    code_challenge: challenge ?? null,
  };
}

/** Compares byte for byte; a registered port `*` on this machine matches any (desktop product). */
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

export function showConsent(state: State, koa: Context): void {
  const ask = readAsk(state, koa.query as Record<string, string>);
  if ('page' in ask) {
    reportAsk(state, koa, `bad ${ask.page}`);
    koa.status = 400;
    koa.type = 'html';
    koa.body = errorPage(ask.page);
  } else if ('redirect' in ask) {
    reportAsk(state, koa, 'refused scope or challenge');
    koa.redirect(ask.redirect);
  } else {
    koa.type = 'html';
    koa.body = consentPage(state.accounts, ask.scopes, koa.querystring);
  }
}

function reportAsk(state: State, koa: Context, detail: string): void {
  report(state, { kind: 'violation', rule: 'authorize', detail, endpoint: koa.path });
}

export async function decideConsent(state: State, koa: Context): Promise<void> {
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

/** Makes a code with `*` and `!`, as real ones have: clients must decode it before the exchange. */
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
