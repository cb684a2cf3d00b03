// The JSON API of uploads.
import { z } from 'zod';
import type { Context } from '../context.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { receiveUpload } from './receive.ts';
import { getUpload, listMedia, type Media, removeUpload } from './store.ts';

export const mediaSchema = z.strictObject({
  storage_key: z.string(),
  url: z.url(),
  bytes: z.int(),
  sha256: z.string(),
  content_type: z.string(),
  duration_ms: z.int().nullable(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  fps: z.number().nullable(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
});
const mediaList = z.strictObject({
  data: z.array(mediaSchema),
  next_cursor: z.string().nullable(),
});

export const mediaRoutes: ApiRoute[] = [
  apiRoute({
    method: 'post',
    path: '/media',
    summary: 'Upload a file, as the raw body or as multipart field `file`.',
    is_upload: true,
    answers: { 201: { description: 'The stored file', schema: mediaSchema } },
    async handle(ctx, { creator, koa, signal }) {
      const media = await receiveUpload(ctx, koa, creator, signal);
      return {
        status: 201,
        body: mediaView(ctx, media),
        headers: { Location: `/v1/media/${media.storage_key}` },
      };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/media',
    summary: 'List uploads, newest first.',
    answers: { 200: { description: 'Uploads', schema: mediaList } },
    async handle(ctx, { creator }) {
      const rows = await listMedia(ctx.db, creator.id);
      return {
        status: 200,
        body: { data: rows.map((row) => mediaView(ctx, row)), next_cursor: null },
      };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/media/{storage_key}',
    summary: 'Look at one upload.',
    answers: { 200: { description: 'The stored file', schema: mediaSchema } },
    async handle(ctx, { creator, params }) {
      const media = await getUpload(ctx.db, creator.id, params['storage_key'] ?? '');
      return { status: 200, body: mediaView(ctx, media) };
    },
  }),
  apiRoute({
    method: 'delete',
    path: '/media/{storage_key}',
    summary: 'Remove an upload that no unfinished job needs.',
    answers: { 204: 'Removed' },
    async handle(ctx, { creator, params }) {
      await removeUpload(ctx, creator.id, params['storage_key'] ?? '');
      return { status: 204 };
    },
  }),
];

export function mediaUrl(ctx: Context, storage_key: string): string {
  return `${ctx.config.PUBLIC_URL}/media/${storage_key}`;
}

export function mediaView(ctx: Context, media: Media) {
  const { storage_key, bytes, sha256, content_type, facts } = media;
  return {
    storage_key,
    url: mediaUrl(ctx, storage_key),
    bytes,
    sha256,
    content_type,
    duration_ms: facts.duration_ms,
    width: facts.width,
    height: facts.height,
    fps: facts.fps,
    created_at: media.created_at.toISOString(),
    expires_at: media.expires_at.toISOString(),
  };
}
