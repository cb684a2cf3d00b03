// GET and HEAD /photos/{token}: a photo for TikTok to pull, in ranges, as it is, and remembered by nobody.
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import type { Context } from '../context.ts';
import { Problem } from '../errors.ts';
import { parseRange } from '../media/serve.ts';
import { takeLink } from './store.ts';

export function addPhotoRoute(router: Router, ctx: Context): void {
  router.get('/photos/:token', async (koa) => {
    const { token } = (koa as unknown as { params: { token: string } }).params;
    koa.set('Cache-Control', 'no-store');
    koa.set('X-Content-Type-Options', 'nosniff');
    koa.set('Content-Security-Policy', "default-src 'none'; sandbox");
    koa.set('X-Robots-Tag', 'noindex');
    // Committed before the first byte, a HEAD's included: who asked may know that the photo is there.
    const photo = await takeLink(ctx.db, token);
    if (!photo) throw new Problem('not_found', 'There is no such photo.');
    await answer(ctx, koa, photo);
  });
}

/** TikTok asks in ranges and takes no packed bytes: https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide */
async function answer(
  ctx: Context,
  koa: KoaContext,
  photo: { storage_key: string; content_type: string; bytes: number },
): Promise<void> {
  const { storage_key, content_type, bytes } = photo;
  koa.set('Accept-Ranges', 'bytes');
  koa.type = content_type;
  const range = koa.method === 'GET' ? parseRange(koa.get('Range'), bytes) : null;
  if (range === 'unsatisfiable') {
    koa.status = 416;
    koa.set('Content-Range', `bytes */${bytes}`);
    return;
  }
  const { start, end } = range ?? { start: 0, end: bytes - 1 };
  koa.status = range ? 206 : 200;
  if (range) koa.set('Content-Range', `bytes ${start}-${end}/${bytes}`);
  if (koa.method === 'GET') koa.body = await ctx.storage.read(storage_key, { start, end });
  koa.length = end - start + 1;
}
