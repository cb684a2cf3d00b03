// Serves a stored file at its unguessable address, with ranges, and never as a page or script.
import type { Context as KoaContext } from 'koa';
import type { Context } from '../context/context.ts';
import { getByKey, type Media } from './store.ts';

const PLAYABLE = /^(video\/[\w.+-]+|image\/(jpeg|png|webp|gif|avif))$/;

/**
 * Answers with the file. Types that a browser might run are sent as `application/octet-stream`.
 * @throws Problem `not_found`.
 */
export async function serveMedia(ctx: Context, koa: KoaContext, storageKey: string): Promise<void> {
  const media = await getByKey(ctx.db, storageKey);
  koa.set('Cache-Control', 'private, max-age=3600');
  koa.set('X-Content-Type-Options', 'nosniff');
  koa.set('Content-Security-Policy', "default-src 'none'; sandbox");
  koa.set('Cross-Origin-Resource-Policy', 'same-origin');
  koa.type = PLAYABLE.test(media.content_type) ? media.content_type : 'application/octet-stream';
  await answerStored(ctx, koa, media);
}

/** Answers with the file or the requested range; a HEAD gets the headers alone. */
export async function answerStored(
  ctx: Context,
  koa: KoaContext,
  { storage_key, bytes }: Pick<Media, 'storage_key' | 'bytes'>,
): Promise<void> {
  koa.set('Accept-Ranges', 'bytes');
  // Ranges apply to GET alone: RFC 9110 §14.2.
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

/**
 * Reads one range (RFC 9110 §14). Returns null for several ranges or another unit: the whole file.
 */
function parseRange(
  header: string,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!match || (match[1] === '' && match[2] === '')) return null;
  const [first, last] = [match[1] ?? '', match[2] ?? ''];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || start > end) return 'unsatisfiable';
  return { start, end };
}
