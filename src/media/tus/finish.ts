// Makes one stored file of an upload that has arrived; run again after whatever happened, it makes no second one.
import { Readable } from 'node:stream';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { lockIfStaying } from '../../creators/leaving.ts';
import type { Creator } from '../../creators/store.ts';
import { getMedia, insertMedia, type Media } from '../store.ts';
import { inspectUpload } from '../store-media.ts';
import { readParts } from './parts.ts';
import {
  listParts,
  lockUpload,
  markFinished,
  readFileName,
  removeUpload,
  type Upload,
} from './store.ts';

// A client that lost patience asks again while we are at it; other processes may, and do no harm.
const underWay = new Map<string, Promise<Media>>();

export function isComplete({ length, received }: Upload): boolean {
  return length !== null && received === length;
}

/**
 * The file of a complete upload. Throws `media_rejected` when it is none, and then nothing is kept;
 * after any other fault the parts stay, and the next request tries again. It goes on when the client
 * goes, so that the client finds it done.
 */
export async function finishUpload(ctx: Context, creator: Creator, upload: Upload): Promise<Media> {
  if (upload.finished_at) return getMedia(ctx.db, creator.id, upload.storage_key);
  const running = underWay.get(upload.id) ?? finish(ctx, creator, upload);
  underWay.set(upload.id, running);
  try {
    return await running;
  } finally {
    underWay.delete(upload.id);
  }
}

async function finish(ctx: Context, creator: Creator, upload: Upload): Promise<Media> {
  const { id, storage_key } = upload;
  try {
    // A second time, until the parts go.
    await ctx.storage.check(upload.received);
    // Whoever else is at it writes the same bytes under the same name.
    const stored = await ctx.storage.write(storage_key, Readable.from(readParts(ctx, upload)));
    const file = { storage_key, file_name: readFileName(upload), ...stored };
    const media = await inspectUpload(ctx, creator, file, AbortSignal.timeout(600_000));
    const parts = await listParts(ctx.db, id);
    const kept = await ctx.db.transaction(async (trx) => {
      const current = await lockUpload(trx, id);
      if (!current) throw new Problem('not_found', 'There is no such upload.');
      if (current.finished_at) return getMedia(trx, creator.id, storage_key);
      const row = await insertMedia(trx, media);
      await markFinished(trx, id);
      return row;
    });
    for (const part of parts) await ctx.storage.remove(part.storage_key).catch(() => {});
    return kept;
  } catch (error) {
    return settle(ctx, creator, upload, error);
  }
}

/** Somebody may have finished it before us; what can never be finished goes. */
async function settle(
  ctx: Context,
  creator: Creator,
  { id, storage_key }: Upload,
  error: unknown,
): Promise<Media> {
  const { current, is_staying } = await ctx.db.transaction(async (trx) => ({
    is_staying: await lockIfStaying(trx, creator.id),
    current: await lockUpload(trx, id),
  }));
  if (current?.finished_at) return getMedia(ctx.db, creator.id, storage_key);
  // The deletion may have looked for it before it was there, and nobody can finish it any more.
  if (!current || !is_staying) await ctx.storage.remove(storage_key);
  else if (error instanceof Problem && error.code === 'media_rejected') await discard(ctx, id);
  throw error;
}

/** Rows first: a file that is left is swept, and nobody goes on with a row without its files. */
export async function discard(ctx: Context, id: string): Promise<boolean> {
  const keys = await removeUpload(ctx.db, id);
  for (const key of keys ?? []) await ctx.storage.remove(key);
  return keys !== undefined;
}
