// Causes the faults between TikTok and a client that a test or a person has ordered.
import type { Context, Middleware } from 'koa';
import { Refusal, refuse } from './answers.ts';
import type { Fault, State } from './state.ts';

/**
 * The kinds of faults, besides `refuse:<code>` and `fail:<reason>`. `stuck` and `fail` are for
 * `processing` only, and `bytes_lag` for `status/fetch`.
 */
export const FAULT_KINDS = [
  'http_500',
  'http_429',
  'html_502',
  'answer_lost',
  'answer_late',
  'cut_keep',
  'cut_drop',
  'slow',
  'url_expired',
  'token_revoked',
  'stuck',
  'bytes_lag',
] as const;

/**
 * Returns the next fault ordered for this endpoint and account, and counts it down; null when there
 * is none. `kinds`: which to consider; null for all.
 */
export function takeFault(
  state: State,
  endpoint: string,
  kinds: readonly (string | RegExp)[] | null,
  openId?: string,
): Fault | null {
  const fault = state.faults.find(
    (each) =>
      each.count > 0 &&
      each.endpoint === endpoint &&
      (each.open_id === undefined || each.open_id === openId) &&
      (kinds === null ||
        kinds.some((kind) => (kind instanceof RegExp ? kind.test(each.kind) : kind === each.kind))),
  );
  if (!fault) return null;
  fault.count -= 1;
  return fault;
}

const AROUND = [
  ...['http_500', 'http_429', 'html_502', 'answer_lost', 'answer_late', 'slow', 'token_revoked'],
  /^refuse:/,
];

/** Causes the faults that happen before or after a whole API call. */
export function faults(state: State, endpoint: string): Middleware {
  return async (koa, next) => {
    const token = koa.get('Authorization').replace(/^Bearer /, '');
    const grant = state.grants.find((each) => each.access_token === token);
    const fault = takeFault(state, endpoint, AROUND, grant?.open_id);
    if (!fault) return next();
    if (fault.kind === 'token_revoked' && grant) grant.access_expires_at = 0;
    if (fault.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, 3_000));
    if (fault.kind === 'http_500')
      return refuse(koa, new Refusal(500, 'internal_error', 'Internal error'));
    if (fault.kind === 'http_429')
      return refuse(koa, new Refusal(429, 'rate_limit_exceeded', 'API rate limit exceeded'));
    if (fault.kind === 'html_502') return badGateway(koa);
    if (fault.kind.startsWith('refuse:')) return refuse(koa, refusal(fault.kind.slice(7)));
    await next();
    if (fault.kind === 'answer_late') await new Promise((resolve) => setTimeout(resolve, 3_000));
    if (fault.kind === 'answer_lost') cut(koa);
  };
}

/** Returns a refusal with any code of TikTok's tables, and the status that belongs to it. */
function refusal(code: string): Refusal {
  const status = /^(scope_not_authorized|access_token_invalid)$/.test(code) ? 401 : 403;
  return new Refusal(status, code, 'As ordered');
}

export function badGateway(koa: Context): void {
  koa.status = 502;
  koa.type = 'html';
  koa.body = '<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>';
}

/** Cuts the connection after the work is done, so that the answer is lost. */
export function cut(koa: Context): void {
  koa.respond = false;
  koa.req.socket.destroy();
}
