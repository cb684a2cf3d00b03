// Serves GET /media/{storage_key}/thumbnail: a small JPEG of a photo, made on request, not stored.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { getByKey, type Manifest, Problem } from '#plugin';
import { makeThumbnail } from './make.ts';

/** Four times the size in lists, so that it is sharp on dense screens and in the composer. */
const SIDE = 480;
const CONCURRENCY = 2;
const TIMEOUT_MS = 60_000;

export const thumbnails: NonNullable<Manifest['routes']> = (router, ctx) => {
  const takeTurn = createTurns(CONCURRENCY);
  router.get('/media/:storage_key/thumbnail', async (koa) => {
    const { storage_key } = (koa as unknown as { params: { storage_key: string } }).params;
    const media = await getByKey(ctx.db, storage_key);
    if (!media.content_type.startsWith('image/')) {
      throw new Problem('not_found', 'Only photos have a thumbnail.');
    }
    const small = await takeTurn(async () => {
      const folder = await mkdtemp(join(ctx.scratch, `${media.creator_id}.`));
      try {
        const path = await ctx.storage.checkout(storage_key, folder);
        return await makeThumbnail(path, SIDE, folder, AbortSignal.timeout(TIMEOUT_MS));
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

/**
 * Returns a function that runs `concurrency` works at a time and lets others wait: a page with two
 * hundred photos requests all thumbnails together.
 */
function createTurns(concurrency: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = concurrency;
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
