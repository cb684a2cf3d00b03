// GET /media/{storage_key}/thumbnail: a small JPEG of a photo, for lists; made when asked for, stored nowhere.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { getByKey, type Manifest, Problem } from '#plugin';
import { makeThumbnail } from './make.ts';

/** Four times the square in which lists show it, for sharp screens and for the composer. */
const SIDE = 480;
const AT_ONCE = 2;
const MOST_MS = 60_000;

export const thumbnails: NonNullable<Manifest['routes']> = (router, ctx) => {
  const take = turns(AT_ONCE);
  router.get('/media/:storage_key/thumbnail', async (koa) => {
    const { storage_key } = (koa as unknown as { params: { storage_key: string } }).params;
    const media = await getByKey(ctx.db, storage_key);
    if (!media.content_type.startsWith('image/')) {
      throw new Problem('not_found', 'Only photos have a small picture.');
    }
    const small = await take(async () => {
      const folder = await mkdtemp(join(ctx.scratch, 'thumbnail-'));
      try {
        const path = await ctx.storage.checkout(storage_key, folder);
        return await makeThumbnail(path, SIDE, folder, AbortSignal.timeout(MOST_MS));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
    koa.set('Cache-Control', 'private, max-age=86400, immutable');
    koa.set('X-Content-Type-Options', 'nosniff');
    koa.set('Content-Security-Policy', "default-src 'none'; sandbox");
    koa.set('Cross-Origin-Resource-Policy', 'same-origin');
    koa.type = 'image/jpeg';
    koa.body = small;
  });
};

/** A page with two hundred photos asks for all of them together; so many are made at once, the rest wait. */
function turns(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free === 0) await new Promise<void>((go) => waiting.push(go));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
