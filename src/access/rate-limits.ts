// Our limits per API key and per IP, counted in the database so that all processes share them.
import type { Context as KoaContext } from 'koa';
import { addToNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';

const WINDOW_SECONDS = 60;

type Kind = 'api' | 'sign_in' | 'stranger' | 'verification';

/** Each verification asks a server that the creator chose. */
const VERIFICATIONS_PER_MINUTE = 30;

/** Counts a request of this key and sets the RateLimit headers. Throws Problem `rate_limited`. */
export async function limitRequests(ctx: Context, koa: KoaContext, keyId: string): Promise<void> {
  const limit = ctx.config.API_REQUESTS_PER_MINUTE;
  if (limit === 0) return;
  const result = await count(ctx, 'api', keyId);
  const wait = Math.ceil(result.leftMs / 1000);
  koa.set('RateLimit-Policy', `"default";q=${limit};w=${WINDOW_SECONDS}`);
  koa.set('RateLimit', `"default";r=${Math.max(0, limit - result.requests)};t=${wait}`);
  if (result.requests > limit)
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
  const result = await count(ctx, kind, ctx.secrets.keyedHash(koa.ip, kind));
  if (result.requests > limit) throw tooMany(detail, Math.ceil(result.leftMs / 1000));
}

/** Counts a verification that this creator asked for. Throws Problem `rate_limited`. */
export async function limitVerifications(ctx: Context, creatorId: string): Promise<void> {
  const key = ctx.secrets.keyedHash(creatorId, 'verification');
  const result = await count(ctx, 'verification', key);
  if (result.requests > VERIFICATIONS_PER_MINUTE) {
    throw tooMany(
      `This account asked for more than ${VERIFICATIONS_PER_MINUTE} verifications in a minute.`,
      Math.ceil(result.leftMs / 1000),
    );
  }
}

function tooMany(detail: string, wait: number): Problem {
  return new Problem('rate_limited', detail, { retry_at: addToNow(wait * 1000) });
}

interface Count {
  requests: number;
  /** How long the minute still lasts. */
  leftMs: number;
}

/** Counts one request in the minute that its first one began, by the database's time. */
async function count({ db }: Context, kind: Kind, key: string): Promise<Count> {
  const now = 'extract(epoch from now())::float * 1000';
  const { rows } = await db.raw(
    `insert into rate_limits as counted (key, points, expire)
     values (:key, 1, ${now} + :window_ms)
     on conflict (key) do update
       set points = case when counted.expire <= ${now} then 1 else counted.points + 1 end,
           expire = case when counted.expire <= ${now} then excluded.expire else counted.expire end
     returning points, expire - ${now} as left_ms`,
    { key: `${kind}:${key}`, window_ms: WINDOW_SECONDS * 1000 },
  );
  return { requests: rows[0].points, leftMs: rows[0].left_ms };
}
