// The JSON API of the key's own creator.
import type { Context } from '../context.ts';
import { countRecentJobs } from '../jobs/store.ts';
import { sumMedia } from '../media/store.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { postingOptions } from './posting-options.ts';
import { type Creator, limitsOf } from './store.ts';

export const creatorRoutes: ApiRoute[] = [
  apiRoute({
    method: 'get',
    path: '/creators/{creator_id}',
    summary: 'Who the key belongs to (`me`): plan, limits, usage.',
    answers: { 200: 'The creator' },
    async handle(ctx, { creator }) {
      return { status: 200, body: await creatorView(ctx, creator) };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/creators/{creator_id}/posting_options',
    summary: 'What TikTok lets this creator choose now; asked fresh.',
    answers: { 200: 'The options, or `{can_post: false, reason}`' },
    async handle(ctx, { creator, signal }) {
      return { status: 200, body: await postingOptions(ctx, creator, signal) };
    },
  }),
];

async function creatorView(ctx: Context, creator: Creator) {
  const limits = limitsOf(ctx.config, creator);
  const stored = await sumMedia(ctx.db, creator.id);
  return {
    id: creator.id,
    username: creator.username,
    nickname: creator.nickname,
    plan: creator.plan,
    plan_ends_at: creator.plan_ends_at?.toISOString() ?? null,
    connected: creator.disconnected_at === null,
    limits: {
      key_days: limits.key_days,
      media_days: limits.media_days,
      upload_bytes: limits.upload_bytes,
      horizon_days: limits.horizon_days,
    },
    usage: {
      posts_last_24_hours: await countRecentJobs(ctx.db, creator.id),
      media_files: stored.files,
      media_bytes: stored.bytes,
    },
    created_at: creator.created_at.toISOString(),
  };
}
