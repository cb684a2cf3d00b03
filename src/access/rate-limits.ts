// Our limits per API key and per IP, counted in the database so that all processes share them.
import type { Context as KoaContext } from 'koa';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';

const WINDOW_SECONDS = 60;

type Kind = 'api' | 'sign_in' | 'stranger' | 'verification';

/** Each verification asks a server that the creator chose. */
const VERIFICATIONS_PER_MINUTE = 30;
const limiters = new WeakMap<Context, Map<Kind, RateLimiterPostgres>>();

/** Counts a request of this key and sets the RateLimit headers. Throws Problem `rate_limited`. */
export async function limitRequests(ctx: Context, koa: KoaContext, keyId: string): Promise<void> {
  const limit = ctx.config.API_REQUESTS_PER_MINUTE;
  if (limit === 0) return;
  const result = await consume(ctx, 'api', limit, keyId);
  const wait = Math.ceil(result.msBeforeNext / 1000);
  koa.set('RateLimit-Policy', `"default";q=${limit};w=${WINDOW_SECONDS}`);
  koa.set('RateLimit', `"default";r=${Math.max(0, result.remainingPoints)};t=${wait}`);
  if (result.consumedPoints > limit)
    throw tooMany(`This key made more than ${limit} requests in a minute.`, wait);
}

/** Counts a request without a valid key from this address. Throws Problem `rate_limited`. */
export async function limitStrangers(ctx: Context, koa: KoaContext): Promise<void> {
  await limitAddress(ctx, koa, {
    kind: 'stranger',
    limit: ctx.config.API_REQUESTS_PER_MINUTE,
    detail: 'There were too many requests without a valid key from your address in a minute.',
  });
}

/** Counts a sign-in from this address. Throws Problem `rate_limited`. */
export async function limitSignIns(ctx: Context, koa: KoaContext): Promise<void> {
  await limitAddress(ctx, koa, {
    kind: 'sign_in',
    limit: ctx.config.SIGN_INS_PER_MINUTE,
    detail: 'There were too many sign-ins from your address in a minute.',
  });
}

/** Counts a request of the client's address, of which only a keyed hash is stored. */
async function limitAddress(
  ctx: Context,
  koa: KoaContext,
  { kind, limit, detail }: { kind: Kind; limit: number; detail: string },
): Promise<void> {
  if (limit === 0) return;
  const result = await consume(ctx, kind, limit, ctx.secrets.keyedHash(koa.ip, kind));
  if (result.consumedPoints > limit) throw tooMany(detail, Math.ceil(result.msBeforeNext / 1000));
}

/** Counts a verification that this creator asked for. Throws Problem `rate_limited`. */
export async function limitVerifications(ctx: Context, creatorId: string): Promise<void> {
  const key = ctx.secrets.keyedHash(creatorId, 'verification');
  const result = await consume(ctx, 'verification', VERIFICATIONS_PER_MINUTE, key);
  if (result.consumedPoints > VERIFICATIONS_PER_MINUTE) {
    throw tooMany(
      `This account asked for more than ${VERIFICATIONS_PER_MINUTE} verifications in a minute.`,
      Math.ceil(result.msBeforeNext / 1000),
    );
  }
}

function tooMany(detail: string, wait: number): Problem {
  return new Problem('rate_limited', detail, { retry_at: new Date(Date.now() + wait * 1000) });
}

async function consume(
  ctx: Context,
  kind: Kind,
  points: number,
  key: string,
): Promise<RateLimiterRes> {
  const limiter = createLimiter(ctx, kind, points);
  try {
    return await limiter.consume(key);
  } catch (result) {
    // The library throws its result if the points are used up.
    if (result instanceof RateLimiterRes) return result;
    throw result;
  }
}

function createLimiter(ctx: Context, kind: Kind, points: number): RateLimiterPostgres {
  const known = limiters.get(ctx) ?? new Map<Kind, RateLimiterPostgres>();
  limiters.set(ctx, known);
  const limiter =
    known.get(kind) ??
    new RateLimiterPostgres({
      storeClient: ctx.db,
      storeType: 'knex',
      tableName: 'rate_limits',
      tableCreated: true,
      keyPrefix: kind,
      points,
      duration: WINDOW_SECONDS,
      clearExpiredByTimeout: false,
    });
  known.set(kind, limiter);
  return limiter;
}
