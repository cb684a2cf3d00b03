// Counts our calls to TikTok per creator and minute, and holds back those that it would refuse.
import type { Knex } from 'knex';
import { lockName } from '../base/database.ts';
import { databaseNow } from '../base/database-time.ts';
import type { Context } from '../context/context.ts';
import { Later } from '../queue/later.ts';

// https://developers.tiktok.com/doc/tiktok-api-v2-rate-limit
const CREATOR_INFO_PER_MINUTE = 20;

export type CountedCall = 'video.init' | 'inbox.init' | 'content.init' | 'status' | 'creator_info';

/**
 * Counts a call that is about to be made. Count and insert are one transaction under a lock per
 * creator and call, so two processes cannot both take the last place.
 * @throws Later with the time at which the next call is possible.
 */
export async function reserveCall(
  ctx: Context,
  creatorId: string,
  call: CountedCall,
): Promise<void> {
  const freeAt = await ctx.db.transaction(async (trx) => {
    await lockName(trx, `${creatorId}:${call}`);
    const until = await fullUntil(ctx, trx, creatorId, call);
    if (!until) await trx('tiktok_calls').insert({ creator_id: creatorId, call });
    return until;
  });
  if (freeAt) throw new Later(freeAt, nameWait(call));
}

/** Returns when a post of every kind can begin. It is now if no limit of TikTok's is used up. */
export async function nextFreeAt(ctx: Context, creatorId: string): Promise<Date> {
  const calls = ['video.init', 'inbox.init', 'content.init'] as const;
  const times = await Promise.all(calls.map((call) => fullUntil(ctx, ctx.db, creatorId, call)));
  return new Date(Math.max(databaseNow().getTime(), ...times.map((at) => at?.getTime() ?? 0)));
}

/** Returns when the limit of this call allows another one, or null if it does now. */
async function fullUntil(
  ctx: Context,
  db: Knex,
  creatorId: string,
  call: CountedCall,
): Promise<Date | null> {
  const limit = callsPerMinute(ctx, call);
  // TikTok counts calls as they arrive, we as they leave: a little more than its minute.
  const { tiktokMinuteMs } = ctx.timing;
  const { rows } = await db.raw(
    `select at from tiktok_calls
      where creator_id = ? and call = ? and at > clock_timestamp() - ? * interval '1 millisecond'
      order by at desc limit ?`,
    [creatorId, call, tiktokMinuteMs, limit],
  );
  return rows.length < limit ? null : new Date(rows[limit - 1].at.getTime() + tiktokMinuteMs);
}

/**
 * Fills the minute after TikTok answered 429 although our count allowed the call, so that no
 * process asks again before the minute is over. Returns the Later to throw.
 */
export async function fillMinute(
  ctx: Context,
  creatorId: string,
  call: CountedCall,
): Promise<Later> {
  const rows = Array.from({ length: callsPerMinute(ctx, call) }, () => ({
    creator_id: creatorId,
    call,
  }));
  await ctx.db('tiktok_calls').insert(rows);
  const { tiktokMinuteMs, minuteJitterMs } = ctx.timing;
  const waitMs = tiktokMinuteMs + Math.random() * minuteJitterMs;
  return Later.in(waitMs, nameWait(call));
}

/** A post that cannot be begun stands still. A question about its end is only asked later. */
function nameWait(call: CountedCall): string | undefined {
  return call === 'status' ? undefined : 'rate_limited';
}

function callsPerMinute(ctx: Context, call: CountedCall): number {
  if (call === 'creator_info') return CREATOR_INFO_PER_MINUTE;
  return call === 'status'
    ? ctx.config.TIKTOK_STATUS_PER_MINUTE
    : ctx.config.TIKTOK_INITS_PER_MINUTE;
}
