// Answers every error: problem+json (RFC 9457) for programs, a page for people.
import { randomUUID } from 'node:crypto';
import type { Context as KoaContext, Middleware } from 'koa';
import { measureSince } from '../base/database-time.ts';
import { Problem, withRule } from '../base/errors.ts';
import type { Context } from '../context/context.ts';

/** Returns the body of problem+json; `type` is the address of the code's row in the docs. */
export function problemBody(ctx: Context, problem: Problem, requestId: string) {
  const { retry_at, tiktok, job_id, rule } = problem.extras;
  return {
    type: `${ctx.config.PUBLIC_URL}/docs/errors#${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: withRule({ message: problem.message, rule }),
    code: problem.code,
    ...listFieldErrors(problem),
    ...(retry_at ? { retry_at: retry_at.toISOString() } : {}),
    ...(tiktok ? { tiktok } : {}),
    ...(job_id ? { job_id } : {}),
    ...(rule ? { rule } : {}),
    request_id: requestId,
  };
}

/** Every `invalid_request` names a place; the pointer '' means the body as a whole. */
function listFieldErrors({ code, message, extras }: Problem) {
  if (extras.errors) return { errors: extras.errors };
  return code === 'invalid_request' ? { errors: [{ pointer: '', message }] } : {};
}

/**
 * Routes whose errors have another service's form set this function as `koa.state.problem_body`.
 */
export type ProblemBody = (problem: Problem) => Record<string, unknown>;

type RenderProblem = (koa: KoaContext, problem: Problem, requestId: string) => Promise<string>;

/** Returns middleware that gives every request an id and answers whatever is thrown. */
export function problems(ctx: Context, renderPage: RenderProblem): Middleware {
  return async (koa, next) => {
    const given = koa.get('X-Request-Id');
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    koa.state['request_id'] = requestId;
    koa.set('X-Request-Id', requestId);
    try {
      await next();
      // The router has set this status and the header Allow.
      if (koa.status === 405 || koa.status === 501) {
        throw new Problem('method_not_allowed', 'This address does not accept this method.');
      }
      if (koa.status === 404 && !koa.body) {
        throw new Problem('not_found', 'There is nothing at this address.');
      }
    } catch (error) {
      const problem = toProblem(error);
      if (problem.status >= 500 && problem.code === 'internal_error') {
        const knownAs = { request_id: findRequestId(koa), route: findRoutePattern(koa) };
        ctx.log.error({ event: 'request.fault', ...knownAs, err: error });
      }
      sendHeaders(koa, problem);
      await sendBody(ctx, koa, { problem, requestId, renderPage });
    }
  };
}

function sendHeaders(koa: KoaContext, problem: Problem): void {
  koa.status = problem.status;
  for (const [name, value] of Object.entries(problem.extras.headers ?? {})) koa.set(name, value);
  const { retry_at } = problem.extras;
  if (retry_at) {
    const seconds = Math.ceil(-measureSince(retry_at) / 1000);
    koa.set('Retry-After', String(Math.max(1, seconds)));
  }
  // The rest of a body that was not read whole would be taken for the next request.
  if (!koa.req.complete) koa.set('Connection', 'close');
}

async function sendBody(
  ctx: Context,
  koa: KoaContext,
  answer: { problem: Problem; requestId: string; renderPage: RenderProblem },
): Promise<void> {
  const { problem, requestId, renderPage } = answer;
  const ownForm = koa.state['problem_body'] as ProblemBody | undefined;
  if (ownForm) {
    koa.body = JSON.stringify(ownForm(problem));
    koa.set('Content-Type', 'application/json; charset=UTF-8');
    return;
  }
  if (isForPeople(koa)) {
    koa.type = 'html';
    koa.body = await renderPage(koa, problem, requestId);
    return;
  }
  koa.body = JSON.stringify(problemBody(ctx, problem, requestId));
  koa.type = 'application/problem+json';
}

/** Below these paths only programs ask. Everywhere else a client that accepts HTML is a browser. */
function isForPeople(koa: KoaContext): boolean {
  if (
    /^\/(v1|api|uploads|webhooks\/tiktok|openapi\.json|healthz|readyz|metrics)(\/|$)/.test(koa.path)
  )
    return false;
  return koa.accepts('html', 'json') === 'html';
}

/** Errors of Koa and its parsers carry a status below 500; every other error is our fault. */
function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { status, type, code } = (error ?? {}) as {
    status?: number;
    type?: string;
    code?: string;
  };
  if (status === 413) return new Problem('too_large', 'The request is too large.');
  if (status === 415)
    return new Problem('unsupported_media_type', 'This address does not accept this content type.');
  if (status === 404) return new Problem('not_found', 'There is nothing at this address.');
  if (status !== undefined && status >= 400 && status < 500) {
    const detail =
      error instanceof SyntaxError
        ? 'The body is not a JSON object.'
        : 'The request could not be read.';
    return new Problem('invalid_request', detail, { cause: type });
  }
  if (code && /^(Z_|ERR_+BROTLI|ERR_+.*(FORMAT|_DEC))/.test(code)) {
    return new Problem('invalid_request', 'The body is not compressed as its header says.');
  }
  // PostgreSQL accepts no NUL in a text (22021) or in JSON (22P05).
  if (code === '22021' || code === '22P05') {
    return new Problem('invalid_request', 'Expected text without NUL.');
  }
  if (isAborted(error)) return new Problem('unavailable', 'The request was cut off.');
  if (isAway(error)) {
    return new Problem(
      'unavailable',
      'The database does not answer at the moment. Try again in a minute.',
    );
  }
  return new Problem(
    'internal_error',
    'Something failed on our side. Try again. If it fails again, tell the operator the request id.',
  );
}

/**
 * PostgreSQL's error classes 08 (connection), 53 (resources) and 57P (shutdown), and failed
 * connects.
 */
function isAway(error: unknown): boolean {
  const { name, code, message } = (error ?? {}) as {
    name?: string;
    code?: string;
    message?: string;
  };
  return (
    name === 'KnexTimeoutError' ||
    /^(08|53|57P)/.test(code ?? '') ||
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE'].includes(code ?? '') ||
    /^(Connection terminated|timeout expired)/.test(message ?? '')
  );
}

function isAborted(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: string; code?: string };
  return name === 'AbortError' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Returns the route's pattern for the log, since the path itself holds ids. */
export function findRoutePattern(koa: KoaContext): string {
  return String((koa as { _matchedRoute?: unknown })._matchedRoute ?? 'none');
}

/**
 * Returns the request id for the log, or `given` if the client chose it. An id of the client may
 * identify a person, and the log outlives the account.
 */
export function findRequestId(koa: KoaContext): string {
  const requestId: unknown = koa.state['request_id'];
  const given = koa.get('X-Request-Id');
  return typeof requestId !== 'string' || requestId === given ? 'given' : requestId;
}
