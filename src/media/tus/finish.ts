// Makes one stored file of a complete upload; a repetition never makes a second one.
import { Readable } from 'node:stream';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { lockIfStaying } from '../../creators/leaving.ts';
import type { Creator } from '../../creators/store.ts';
import { storeFile } from '../loose-files.ts';
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

// Uploads being finished by this process, for clients that ask again. Another process that finishes
// the same upload does no harm.
const underWay = new Map<string, Promise<Media>>();

/** Returns true if all bytes have arrived. */
export function isComplete({ length, received }: Upload): boolean {
  return length !== null && received === length;
}

/**
 * Returns the stored file of a complete upload, and makes it if it is missing. It continues after
 * the client has gone, so that the client finds the file when it asks again.
 * @throws Problem `media_rejected`, and then removes the upload. After every other error the parts
 * stay, and the next request tries again.
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
    // The bytes need space a second time until the parts are removed.
    await ctx.storage.check(upload.received);
    // Another process that finishes this upload writes the same bytes under the same name.
    const parted = Readable.from(readParts(ctx, upload));
    const stored = await storeFile(ctx, upload, parted);
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

/**
 * Returns the file if another process has finished the upload; else cleans up and throws the error.
 */
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
  // The account's deletion may have listed its files before this one existed, so it is removed
  // here.
  if (!current || !is_staying) await ctx.storage.remove(storage_key);
  else if (error instanceof Problem && error.code === 'media_rejected') await discard(ctx, id);
  throw error;
}

/**
 * Removes an unfinished upload: first its rows, then its files, so that no row lacks its files; the
 * sweep removes files that are left. Returns false if there was no unfinished upload.
 */
export async function discard(ctx: Context, id: string): Promise<boolean> {
  const keys = await removeUpload(ctx.db, id);
  for (const key of keys ?? []) await ctx.storage.remove(key);
  return keys !== undefined;
}
