// Removes files that have reached their end, each before its row, so that a crash orphans no file.
import type { Context } from '../context/context.ts';
import { findFileUses } from '../context/hooks.ts';
import { type EndedFile, lockEndedUploads, removeRows } from '../media/expiry.ts';
import { lockSilentUploads, removeSilentRows } from '../media/tus/expiry.ts';
import { BATCH, inTransactions, type Pace } from './batches.ts';
import { lockEndedCopies } from './ended-copies.ts';

// An upload may have some hundred parts.
const SILENT_AT_ONCE = 5;

/** Removes uploads whose time by plan is over and that no post needs. */
export async function removeUploads(ctx: Context, pace: Pace): Promise<boolean> {
  return removeEndedFiles(ctx, pace, 'uploads', lockEndedUploads);
}

/** Removes unfinished uploads to which nothing was added for a day. */
export async function removeSilentUploads(ctx: Context, pace: Pace): Promise<boolean> {
  const left: string[] = [];
  return inTransactions(ctx, pace, 'silent_uploads', async (trx) => {
    const ended = await lockSilentUploads(trx, SILENT_AT_ONCE, left);
    const gone: typeof ended = [];
    for (const upload of ended) {
      const files = upload.keys.map((key) => ({ key, bytes: 0 }));
      const removed = await removeFiles(ctx, files);
      if (removed.length === files.length) gone.push(upload);
      else left.push(upload.id);
    }
    await removeSilentRows(
      trx,
      gone.map(({ id }) => id),
    );
    const bytes = gone.reduce((sum, upload) => sum + Number(upload.bytes), 0);
    return { removed: gone.length, bytes, isLast: ended.length < SILENT_AT_ONCE };
  });
}

/** Removes working copies whose post has ended; with `jobId`, only those of that post. */
export async function removeWorkingCopies(
  ctx: Context,
  pace: Pace,
  jobId?: string,
): Promise<boolean> {
  return removeEndedFiles(ctx, pace, 'working_copies', (trx, last, limit) =>
    lockEndedCopies(trx, last, { limit, jobId }),
  );
}

async function removeEndedFiles(
  ctx: Context,
  pace: Pace,
  what: string,
  lockEnded: typeof lockEndedUploads,
): Promise<boolean> {
  // Each batch begins after the last one, so files that are in use or cannot be removed block nothing.
  let last: EndedFile | null = null;
  return inTransactions(ctx, pace, what, async (trx) => {
    const ended = await lockEnded(trx, last, BATCH);
    const keys = ended.map(({ storage_key }) => storage_key);
    // An unconfirmed post may be tried again. It then needs its upload; its copies can be made again.
    const uses = await findFileUses(ctx.modules, trx, keys);
    const needed = uses.filter(({ isWorking }) => isWorking || what === 'uploads');
    const neededKeys = new Set(needed.map(({ storage_key }) => storage_key));
    const unneeded = ended.filter(({ storage_key }) => !neededKeys.has(storage_key));
    const gone = await removeFiles(
      ctx,
      unneeded.map(({ storage_key, bytes }) => ({ key: storage_key, bytes })),
    );
    await removeRows(
      trx,
      gone.map(({ key }) => key),
    );
    last = ended.at(-1) ?? last;
    const bytes = gone.reduce((sum, file) => sum + file.bytes, 0);
    return { removed: gone.length, bytes, isLast: ended.length < BATCH };
  });
}

export interface StoredFile {
  key: string;
  bytes: number;
}

/** Returns the files that were removed. The next sweep tries the others again. */
export async function removeFiles<File extends StoredFile>(
  ctx: Context,
  files: File[],
): Promise<File[]> {
  const gone: File[] = [];
  await Promise.all(
    files.map(async (file) => {
      try {
        await ctx.storage.remove(file.key);
        gone.push(file);
      } catch (error) {
        ctx.log.warn({ event: 'retention.file_left', err: error });
      }
    }),
  );
  return gone;
}
