// Writes the envelope of API answers and refusals, and checks token, scope and rate of a call.
import { randomInt } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { report } from './findings.ts';
import { logId } from './ids.ts';
import type { Account, Grant, State } from './state.ts';

/** A refusal in TikTok's envelope. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const MESSAGES: Record<string, string> = {
  access_token_invalid: 'The access token is invalid or not found in the request.',
  scope_not_authorized:
    'The user did not authorize the scope required for completing this request.',
  rate_limit_exceeded: 'API rate limit exceeded',
};
const GUIDELINES =
  'Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/';

export function forbidden(code: string): Refusal {
  return new Refusal(403, code, GUIDELINES);
}

export function badParams(message: string): Refusal {
  return new Refusal(400, 'invalid_params', message);
}

/** Answers with 200. `raw` is the JSON text of `data`, since it may hold integers beyond 2^53. */
export function answer(koa: Context, raw: string): void {
  // Clients have to accept fields that they do not know.
  const extra = randomInt(4) === 0 ? '"extra":{"now":1},' : '';
  koa.status = 200;
  koa.type = 'application/json; charset=utf-8';
  koa.body = `{"data":${raw},${extra}"error":{"code":"ok","message":"","log_id":"${logId()}"}}`;
}

export function refuse(koa: Context, refusal: Refusal): void {
  koa.status = refusal.status;
  koa.type = 'application/json; charset=utf-8';
  koa.body = JSON.stringify({
    data: {},
    error: { code: refusal.code, message: refusal.message, log_id: logId() },
  });
}

/** Turns thrown refusals into answers, and reports those that are the client's fault. */
export function refusals(state: State): Middleware {
  return async (koa, next) => {
    try {
      await next();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const isFaulty = error.status === 400 || error.status === 429 || error.status === 405;
      const isUx = error.code === 'privacy_level_option_mismatch';
      if (isFaulty || isUx) {
        const { code: rule, message: detail } = error;
        report(state, { kind: 'violation', rule, detail, endpoint: koa.path });
      }
      refuse(koa, error);
    }
  };
}

export interface Caller {
  grant: Grant;
  account: Account;
}

/** What a call needs: one of `scopes`, if there are any, and fewer calls than `perMinute`. */
export interface CallRules {
  /** The name under which calls are counted. */
  endpoint: string;
  scopes: string[];
  perMinute: number;
}

/**
 * Returns who calls. Refuses a bad token by 401, then a missing scope by 401, then the rate by 429.
 */
export function authorize(
  state: State,
  koa: Context,
  { endpoint, scopes, perMinute }: CallRules,
): Caller {
  const token = /^Bearer (\S+)$/.exec(koa.get('Authorization'))?.[1];
  const grant = state.grants.find((each) => each.access_token === token);
  if (!token || !grant || grant.access_expires_at <= Date.now()) {
    throw new Refusal(401, 'access_token_invalid', MESSAGES['access_token_invalid'] ?? '');
  }
  if (scopes.length > 0 && !scopes.some((scope) => grant.scopes.includes(scope))) {
    throw new Refusal(401, 'scope_not_authorized', MESSAGES['scope_not_authorized'] ?? '');
  }
  countCall(state, endpoint, grant.open_id, perMinute);
  const account = state.accounts.find((each) => each.open_id === grant.open_id);
  if (!account)
    throw new Refusal(401, 'access_token_invalid', MESSAGES['access_token_invalid'] ?? '');
  return { grant, account };
}

/**
 * Counts per account and endpoint in a sliding minute:
 * https://developers.tiktok.com/doc/tiktok-api-v2-rate-limit
 */
function countCall(state: State, endpoint: string, openId: string, perMinute: number): void {
  const now = Date.now();
  state.calls = state.calls.filter((call) => call.at > now - state.settings.minute_ms);
  const recent = state.calls.filter(
    (call) => call.endpoint === endpoint && call.open_id === openId,
  );
  if (recent.length >= perMinute) {
    throw new Refusal(429, 'rate_limit_exceeded', MESSAGES['rate_limit_exceeded'] ?? '');
  }
  state.calls.push({ endpoint, open_id: openId, at: now });
}

/** Returns the JSON object in the body of an init, status or cancel call. */
export async function jsonBody(koa: Context): Promise<Record<string, unknown>> {
  if (!koa.is('application/json')) throw badParams('Content-Type must be application/json');
  const text = await bodyText(koa);
  try {
    const json = JSON.parse(text);
    if (json !== null && typeof json === 'object' && !Array.isArray(json)) return json;
  } catch {}
  throw badParams('The request body is not a JSON object');
}

/** Returns the body as text; refuses one of more than 1 MB. */
export async function bodyText(koa: Context): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of koa.req) {
    bytes += part.length;
    if (bytes > 1_000_000)
      throw new Refusal(400, 'invalid_params', 'The request body is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
