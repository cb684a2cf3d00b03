// GET and HEAD /photos/{token}: a photo for TikTok to pull, in ranges, which nobody may cache.
import type Router from '@koa/router';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { readParams } from '../../http/read-params.ts';
import { answerStored } from '../../media/serve.ts';
import { takeLink } from './links.ts';

export function addPhotoRoute(router: Router, ctx: Context): void {
  router.get('/photos/:token', async (koa) => {
    const { token = '' } = readParams(koa);
    koa.set('Cache-Control', 'no-store');
    koa.set('X-Content-Type-Options', 'nosniff');
    koa.set('Content-Security-Policy', "default-src 'none'; sandbox");
    koa.set('X-Robots-Tag', 'noindex');
    // Committed before the first byte, a HEAD's included: who asked may know that the photo is there.
    const photo = await takeLink(ctx.db, token);
    if (!photo) throw new Problem('not_found', 'There is no such photo.');
    koa.type = photo.content_type;
    // TikTok asks in ranges and takes no packed bytes:
    // https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
    await answerStored(ctx, koa, photo);
  });
}
