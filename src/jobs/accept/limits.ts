// Our own limits of posting, by planned times: TikTok bans accounts that post too often or twice.
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
 * Returns the time at which a post wanted at `at` may be made: `at`, or the next free time if that is
 * not after `latest`. Until the transaction ends, no other post of the creator can take a time.
 * `exceptId`: a post that is being moved and does not count.
 * @throws Problem `daily_limit` or `too_soon`, with `retry_at`.
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
  const taken = await listTakenTimes(trx, creatorId, { since: findStart(at, limits), exceptId });
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
    ? `At most ${perDay} posts in 24 hours are made for one account, so that TikTok does not take them for spam.`
    : `Posts of one account are made at least ${describeDuration(spacingMs)} apart, so that TikTok does not take them for spam.`;
}

/** Returns when the creator's next post can begin, by our limits and TikTok's limit per minute. */
export async function nextPostAt(ctx: Context, creatorId: string): Promise<Date> {
  const limits = readPostLimits(ctx.config);
  const from = await nextFreeAt(ctx, creatorId);
  const taken = await listTakenTimes(ctx.db, creatorId, { since: findStart(from, limits) });
  return new Date(nextFreeTime(taken, from.getTime(), limits));
}

/**
 * Checks that the creator has no other post of the same content within 24 hours of `send_at`. Until
 * the transaction ends, no other post of the creator can take a time.
 * @throws Problem `duplicate_media`, with the first post's `job_id`.
 */
export async function assertNoDuplicate(
  trx: Knex,
  job: Pick<Job, 'creator_id' | 'source_sha256' | 'send_at' | 'allow_duplicate'> & { id?: string },
): Promise<void> {
  if (job.allow_duplicate || job.source_sha256 === null) return;
  await lockPosting(trx, job.creator_id);
  const duplicate = await findDuplicate(trx, job);
  if (!duplicate) return;
  throw new Problem(
    'duplicate_media',
    `The same media is in another post of this account within 24 hours (${duplicate}). Set \`allow_duplicate\` if that is meant.`,
    { job_id: duplicate },
  );
}

/** Returns the id of the first post of the same content within 24 hours. */
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

/** One transaction at a time checks and takes a time of this creator. */
async function lockPosting(trx: Knex, creatorId: string): Promise<void> {
  await lockName(trx, `posting:${creatorId}`);
}

/** Returns since when posts can conflict with one at `at`. */
function findStart(at: Date, { spacingMs }: PostLimits): Date {
  return new Date(at.getTime() - Math.max(DAY_MS, spacingMs));
}

/** Leaves out posts that were cancelled, or that failed before everything was sent. */
async function listTakenTimes(
  db: Knex,
  creatorId: string,
  { since, exceptId }: { since: Date; exceptId?: string | undefined },
): Promise<number[]> {
  const { rows } = await db.raw(
    `select send_at from jobs
      where creator_id = :creator_id and send_at > :since and id is distinct from :except_id
        and state <> 'cancelled'
        and (state <> 'failed' or exists (
          select from publish_attempts where job_id = jobs.id and sent_at is not null))`,
    { creator_id: creatorId, since, except_id: exceptId ?? null },
  );
  return rows.map((row: { send_at: Date }) => row.send_at.getTime());
}

function describeDuration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (ms < 60_000) return `${Math.round(ms / 1000)} seconds`;
  if (minutes % 60 === 0) return minutes === 60 ? 'one hour' : `${minutes / 60} hours`;
  return `${minutes} minutes`;
}
