// Stores an upload in parts; each part is durable before its bytes are acknowledged.
import { Readable } from 'node:stream';
import { Problem } from '../../base/errors.ts';
import { randomToken } from '../../base/secrets.ts';
import type { Context } from '../../context/context.ts';
import { dropFile, storeFile } from '../loose-files.ts';
import { assertQuota } from '../storage-quota.ts';
import { addPart, listParts, type Upload, type UploadPart } from './store.ts';

// A kill loses at most one part, which was not acknowledged. A part ends at this size or time.
const PART_BYTES = 16_000_000;
const PART_MS = 10_000;

/**
 * Stores what the source sends and returns the upload as far as it came. If the source breaks off
 * or the storage is full, it throws, and the parts that are stored stay for a later continuation.
 */
export async function takeParts(
  ctx: Context,
  upload: Upload,
  source: AsyncIterable<Buffer>,
): Promise<Upload> {
  const chunks = createInflow(source);
  let current = upload;
  try {
    for (let first = await chunks.next(); first; first = await chunks.next()) {
      await assertQuota(ctx);
      current = await storePart(ctx, current, Readable.from(onePart(first, chunks.next)));
    }
  } finally {
    await chunks.close();
  }
  chunks.throwIfBroken();
  return current;
}

/**
 * Wraps the source: an error ends it like a normal end, and `throwIfBroken` throws the error later.
 */
function createInflow(source: AsyncIterable<Buffer>) {
  const iterator = source[Symbol.asyncIterator]();
  let fault: { reason: unknown } | undefined;
  return {
    async next(): Promise<Buffer | undefined> {
      if (fault) return undefined;
      try {
        const { done, value } = await iterator.next();
        return done ? undefined : value;
      } catch (reason) {
        fault = { reason };
        return undefined;
      }
    },
    close: async () => void (await iterator.return?.().catch(() => {})),
    throwIfBroken() {
      if (fault) throw fault.reason;
    },
  };
}

async function* onePart(first: Buffer, next: () => Promise<Buffer | undefined>) {
  const endsAt = performance.now() + PART_MS;
  yield first;
  for (let bytes = first.length; bytes < PART_BYTES && performance.now() < endsAt; ) {
    const chunk = await next();
    if (!chunk) return;
    bytes += chunk.length;
    yield chunk;
  }
}

async function storePart(ctx: Context, upload: Upload, body: Readable): Promise<Upload> {
  const storageKey = randomToken(190);
  const file = { storage_key: storageKey, creator_id: upload.creator_id };
  const { bytes } = await storeFile(ctx, file, body);
  try {
    return await addPart(ctx.db, upload, { storage_key: storageKey, bytes });
  } catch (error) {
    // A Problem means that nothing was committed. After other errors the row may exist, so the file
    // stays; the sweep removes a file without a row.
    if (error instanceof Problem) await dropFile(ctx, storageKey).catch(() => {});
    throw error;
  }
}

/** Yields all parts in order. Throws Problem `media_rejected` if one is missing. */
export async function* readParts(ctx: Context, upload: Upload): AsyncGenerator<Buffer> {
  let at = 0;
  for (const part of await listParts(ctx.db, upload.id)) {
    if (part.starts_at !== at) throw lost();
    yield* await readPart(ctx, part);
    at += part.bytes;
  }
  if (at !== upload.received) throw lost();
}

async function readPart(ctx: Context, { storage_key }: UploadPart): Promise<Readable> {
  try {
    return await ctx.storage.read(storage_key);
  } catch (error) {
    throw error instanceof Problem && error.code === 'not_found' ? lost() : error;
  }
}

function lost(): Problem {
  return new Problem(
    'media_rejected',
    'A part of this upload is no longer stored. Upload the file again.',
    { rule: 'stored' },
  );
}
