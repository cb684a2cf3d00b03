// The JSON API of the creator whom the key belongs to.
import { z } from 'zod';
import type { Context } from '../context/context.ts';
import { fetchPostingOptions } from '../creators/posting-options.ts';
import { getPlanLimits, mayPost } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { nextPostAt } from '../jobs/accept/limits.ts';
import { countRecentJobs } from '../jobs/stats.ts';
import { sumUsage } from '../media/usage.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';

const creatorSchema = z.strictObject({
  id: z.string(),
  username: z.string().nullable(),
  nickname: z.string().nullable(),
  avatar_url: z.string().nullable(),
  plan: z.enum(['free', 'trial', 'paid']),
  plan_ends_at: z.iso.datetime().nullable(),
  connected: z.boolean().describe('Whether TikTok still lets us post for this account.'),
  limits: z.strictObject({
    key_days: z.int(),
    media_days: z.int(),
    upload_bytes: z.int(),
    horizon_days: z.int(),
    verified_urls: z.boolean().describe('Whether posts may be made from URLs on verified domains.'),
    requests_per_minute: z.int().nullable().describe('Of one key; null is without a limit.'),
    posts_per_minute: z.int(),
    posts_per_day: z.int().nullable().describe('In any 24 hours; null is without a limit.'),
    post_spacing_seconds: z.int().describe('Least time between two posts; 0 is none.'),
  }),
  usage: z.strictObject({
    posts_last_24_hours: z.int(),
    media_files: z.int(),
    media_bytes: z.int(),
    unfinished_uploads: z.int(),
    unfinished_bytes: z.int().describe('How many bytes of them have arrived.'),
  }),
  next_free_at: z.iso
    .datetime()
    .nullable()
    .describe('When the next post can begin; null while this account may not post.'),
  created_at: z.iso.datetime(),
});

const optionsSchema = z.union([
  z.strictObject({ can_post: z.literal(false), reason: z.string(), message: z.string() }),
  z.strictObject({
    can_post: z.literal(true),
    nickname: z.string().nullable(),
    username: z.string().nullable(),
    avatar_url: z.string().nullable(),
    privacy_level_options: z.array(z.string()),
    comment_disabled: z.boolean(),
    duet_disabled: z.boolean(),
    stitch_disabled: z.boolean(),
    max_video_post_duration_sec: z.int(),
  }),
]);

export const creatorRoutes: ApiRoute[] = [
  apiRoute({
    method: 'get',
    path: '/creators/{creator_id}',
    summary: 'Who the key belongs to (`me`): plan, limits, usage, next free posting time.',
    answers: { 200: { description: 'The creator', schema: creatorSchema } },
    async handle(ctx, { creator }) {
      return { status: 200, body: await toCreatorView(ctx, creator) };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/creators/{creator_id}/posting_options',
    summary: 'What TikTok lets this creator choose now; TikTok is asked with each request.',
    answers: { 200: { description: 'The options, or why not now', schema: optionsSchema } },
    async handle(ctx, { creator, signal }) {
      return { status: 200, body: await fetchPostingOptions(ctx, creator, signal) };
    },
  }),
];

async function toCreatorView(ctx: Context, creator: Creator) {
  const limits = getPlanLimits(ctx.config, creator);
  const { API_REQUESTS_PER_MINUTE, TIKTOK_INITS_PER_MINUTE } = ctx.config;
  const { POSTS_PER_DAY, POST_SPACING_SECONDS } = ctx.config;
  const nextFreeAt = mayPost(creator) ? await nextPostAt(ctx, creator.id) : null;
  const { media, unfinished } = await sumUsage(ctx.db, creator.id);
  return {
    id: creator.id,
    username: creator.username,
    nickname: creator.nickname,
    avatar_url: creator.avatar_url,
    plan: creator.plan,
    plan_ends_at: creator.plan_ends_at?.toISOString() ?? null,
    connected: creator.disconnected_at === null,
    limits: {
      key_days: limits.keyDays,
      media_days: limits.mediaDays,
      upload_bytes: limits.uploadBytes,
      horizon_days: limits.horizonDays,
      verified_urls: limits.verifiedUrls,
      requests_per_minute: API_REQUESTS_PER_MINUTE || null,
      posts_per_minute: TIKTOK_INITS_PER_MINUTE,
      posts_per_day: POSTS_PER_DAY || null,
      post_spacing_seconds: POST_SPACING_SECONDS,
    },
    usage: {
      posts_last_24_hours: await countRecentJobs(ctx.db, creator.id),
      media_files: media.files,
      media_bytes: media.bytes,
      unfinished_uploads: unfinished.files,
      unfinished_bytes: unfinished.bytes,
    },
    next_free_at: nextFreeAt?.toISOString() ?? null,
    created_at: creator.created_at.toISOString(),
  };
}
