// Our own limits of posting, since TikTok bans who posts too often or the same again: judged by planned times.

import type { Knex } from 'knex';
import type { Config } from '../../base/config.ts';
import { lockName } from '../../base/database.ts';
import { Problem } from '../../base/errors.ts';
import { DAY_MS } from '../../base/time.ts';
import type { Context } from '../../context/context.ts';
import { nextFreeAt } from '../../creators/quota.ts';
import type { Job } from '../job.ts';
import { conflictAt, nextFreeTime, type PostLimits } from './free-time.ts';

export function readPostLimits(config: Config): PostLimits {
  return { perDay: config.POSTS_PER_DAY, spacingMs: config.POST_SPACING_SECONDS * 1000 };
}

/**
 * The time at which a post wanted at `at` may be made: `at` itself or the next free one, where that is
 * not after `latest`. Throws `daily_limit` or `too_soon` with `retry_at`. Until the transaction ends, no other post of
 * the creator takes a time. `except_id`: a post that is being moved.
 */
export async function reserveTime(
  trx: Knex,
  config: Config,
  creatorId: string,
  { at, latest = at, exceptId }: { at: Date; latest?: Date; exceptId?: string },
): Promise<Date> {
  const limits = readPostLimits(config);
  if (limits.perDay === 0 && limits.spacingMs === 0) return at;
  await lockPosting(trx, creatorId);
  const taken = await takenTimes(trx, creatorId, at, limits, exceptId);
  const conflict = conflictAt(taken, at.getTime(), limits);
  if (!conflict) return at;
  const freeAt = new Date(nextFreeTime(taken, at.getTime(), limits));
  if (freeAt <= latest) return freeAt;
  const detail = `${limitInWords(conflict, limits)} The next free time is ${freeAt.toISOString()}.`;
  throw new Problem(conflict, detail, { retry_at: freeAt });
}

export function limitInWords(
  limit: 'daily_limit' | 'too_soon',
  { perDay, spacingMs }: PostLimits,
): string {
  return limit === 'daily_limit'
    ? `At most ${perDay} posts in 24 hours are made for one account, so that TikTok does not take it for spam.`
    : `Posts of one account are made at least ${spoken(spacingMs)} apart, so that TikTok does not take them for spam.`;
}

/** When the creator's next post can be begun, by our limits and by TikTok's minute. */
export async function nextPostAt(ctx: Context, creatorId: string): Promise<Date> {
  const limits = readPostLimits(ctx.config);
  const from = await nextFreeAt(ctx, creatorId);
  const taken = await takenTimes(ctx.db, creatorId, from, limits);
  return new Date(nextFreeTime(taken, from.getTime(), limits));
}

/**
 * Throws `duplicate_media`, with the first post's `job_id`, when the same content is planned or posted
 * within 24 hours of the same creator's post at `send_at`. Holds off other posts of the creator.
 */
export async function assertNoDuplicate(
  trx: Knex,
  job: Pick<Job, 'creator_id' | 'source_sha256' | 'send_at' | 'allow_duplicate'> & { id?: string },
): Promise<void> {
  if (job.allow_duplicate || job.source_sha256 === null) return;
  await lockPosting(trx, job.creator_id);
  const twin = await findDuplicate(trx, job);
  if (!twin) return;
  throw new Problem(
    'duplicate_media',
    `The same media is in another post of this account within 24 hours (${twin}). Say \`allow_duplicate\` if that is meant.`,
    { job_id: twin },
  );
}

/** Id of the first post of the same content within 24 hours. */
export async function findDuplicate(
  db: Knex,
  job: Pick<Job, 'creator_id' | 'source_sha256' | 'send_at'> & { id?: string },
): Promise<string | undefined> {
  const query = db('jobs')
    .where({ creator_id: job.creator_id, source_sha256: job.source_sha256 })
    .whereNotIn('state', ['failed', 'cancelled'])
    .where('send_at', '>', new Date(job.send_at.getTime() - DAY_MS))
    .where('send_at', '<', new Date(job.send_at.getTime() + DAY_MS))
    .orderBy('created_at');
  if (job.id) query.whereNot({ id: job.id });
  return (await query.first('id'))?.id;
}

/** One at a time judges and takes a time of this creator. */
async function lockPosting(trx: Knex, creatorId: string): Promise<void> {
  await lockName(trx, `posting:${creatorId}`);
}

/** What was sent or will be; what failed before anything was sent, or was cancelled, counts no more. */
async function takenTimes(
  db: Knex,
  creatorId: string,
  at: Date,
  { spacingMs }: PostLimits,
  exceptId?: string,
): Promise<number[]> {
  const { rows } = await db.raw(
    `select send_at from jobs
      where creator_id = :creator_id and send_at > :since and id is distinct from :except_id
        and state <> 'cancelled'
        and (state <> 'failed' or exists (
          select from publish_attempts where job_id = jobs.id and sent_at is not null))`,
    {
      creator_id: creatorId,
      since: new Date(at.getTime() - Math.max(DAY_MS, spacingMs)),
      except_id: exceptId ?? null,
    },
  );
  return rows.map((row: { send_at: Date }) => row.send_at.getTime());
}

function spoken(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (ms < 60_000) return `${Math.round(ms / 1000)} seconds`;
  if (minutes % 60 === 0) return minutes === 60 ? 'one hour' : `${minutes / 60} hours`;
  return `${minutes} minutes`;
}
