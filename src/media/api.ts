// The JSON API of uploads.
import { z } from 'zod';
import type { Context } from '../context/context.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { cutPage, parseCursor } from '../web/cursor.ts';
import { removeMedia } from './remove.ts';
import { getMedia, type Media, pageOfMedia } from './store.ts';
import { receiveUpload } from './upload-http.ts';

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

const mediaListQuery = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});

export const mediaRoutes: ApiRoute[] = [
  apiRoute({
    method: 'post',
    path: '/media',
    summary: 'Upload a file, as the raw body or as multipart field `file`.',
    isUpload: true,
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
    query: mediaListQuery,
    answers: { 200: { description: 'A page of uploads', schema: mediaList } },
    async handle(ctx, { creator, query: { cursor, limit } }) {
      const after = cursor ? parseCursor(cursor, /^[\w.]{1,80}$/) : null;
      const found = await pageOfMedia(ctx.db, creator.id, { after, limit: limit + 1 });
      const { page, nextCursor } = cutPage(found, limit, (row) => row.storage_key);
      return {
        status: 200,
        body: {
          data: page.map((row) => mediaView(ctx, row)),
          next_cursor: nextCursor,
        },
      };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/media/{storage_key}',
    summary: 'Look at one upload.',
    answers: { 200: { description: 'The stored file', schema: mediaSchema } },
    async handle(ctx, { creator, params }) {
      const media = await getMedia(ctx.db, creator.id, params['storage_key'] ?? '');
      return { status: 200, body: mediaView(ctx, media) };
    },
  }),
  apiRoute({
    method: 'delete',
    path: '/media/{storage_key}',
    summary: 'Remove an upload that no unfinished job needs.',
    answers: { 204: 'Removed' },
    async handle(ctx, { creator, params }) {
      await removeMedia(ctx, creator.id, params['storage_key'] ?? '');
      return { status: 204 };
    },
  }),
];

/** Returns the public address of a stored file. */
export function mediaUrl(ctx: Context, storageKey: string): string {
  return `${ctx.config.PUBLIC_URL}/media/${storageKey}`;
}

/** Returns a stored file as the API shows it. */
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
