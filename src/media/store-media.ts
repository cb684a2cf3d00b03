// Stores a file that arrives: the file first, then the probe, then the row.
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { json } from '../base/database.ts';
import { addToNow, databaseNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import { makeWorkFolder } from '../base/scratch.ts';
import { randomToken } from '../base/secrets.ts';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { dropFile, storeFile } from './loose-files.ts';
import { assertQuota } from './storage-quota.ts';
import { insertMedia, type Media, type NewMedia } from './store.ts';

/** The post for which a working copy is made. */
export interface PlannedPost {
  creator_id: string;
  send_at: Date;
}

/**
 * Streams an upload into storage, probes it, and inserts its row. A failure leaves nothing. A crash
 * leaves a file without a row, which the sweep removes, and never a row without its file.
 * @throws Problem `storage_full`, `too_large` or `media_rejected`.
 */
export async function storeUpload(
  ctx: Context,
  creator: Creator,
  body: Readable,
  { fileName, signal }: { fileName: string | null; signal: AbortSignal },
): Promise<Media> {
  await assertQuota(ctx);
  const storageKey = randomToken(190);
  const file = { storage_key: storageKey, creator_id: creator.id };
  const stored = await storeFile(ctx, file, body, {
    limit: getPlanLimits(ctx.config, creator).uploadBytes,
    signal,
  });
  try {
    const media = await inspectUpload(
      ctx,
      creator,
      { storage_key: storageKey, file_name: fileName, ...stored },
      signal,
    );
    return await ctx.db.transaction((trx) => insertMedia(trx, media));
  } catch (error) {
    await dropFile(ctx, storageKey);
    throw error;
  }
}

/** Probes an upload that is stored, and returns its row. Throws Problem `media_rejected`. */
export async function inspectUpload(
  ctx: Context,
  creator: Creator,
  { file_name, ...stored }: Pick<Media, 'storage_key' | 'file_name' | 'bytes' | 'sha256'>,
  signal: AbortSignal,
): Promise<NewMedia> {
  const { bytes, sha256 } = stored;
  const found = await inspectStored(ctx, { ...stored, creator_id: creator.id }, signal);
  return {
    ...stored,
    creator_id: creator.id,
    purpose: 'upload',
    file_name: file_name?.slice(0, 200) ?? null,
    content_type: found.content_type,
    facts: json({ ...found.facts, bytes, sha256 }),
    expires_at: addToNow(getPlanLimits(ctx.config, creator).mediaDays * DAY_MS),
  };
}

/** Probes a stored file. Throws Problem `media_rejected` if it is neither video nor photo. */
export async function inspectStored(
  ctx: Context,
  { storage_key, bytes, creator_id }: Pick<Media, 'storage_key' | 'bytes' | 'creator_id'>,
  signal: AbortSignal,
) {
  if (bytes === 0) throw new Problem('media_rejected', 'The file is empty.', { rule: 'not_empty' });
  const folder = await makeWorkFolder(ctx.scratch, creator_id);
  try {
    return await ctx.inspect(await ctx.storage.checkout(storage_key, folder), signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns true if the file can be posted as this kind. A GIF can be both: a video, or its first
 * picture.
 */
export function servesAs(
  kind: MediaFacts['kind'],
  { content_type, facts }: Pick<Media, 'content_type' | 'facts'>,
): boolean {
  return facts.kind === kind || content_type === 'image/gif';
}

/** Stores a converted file of a job: the file first, then the row. A failure leaves nothing. */
export async function storeWorkingCopy(
  ctx: Context,
  post: PlannedPost,
  { path, contentType, signal }: { path: string; contentType: string; signal: AbortSignal },
): Promise<{ storage_key: string; bytes: number; sha256: string }> {
  await assertQuota(ctx);
  const storageKey = `${randomToken(190)}${extname(path)}`;
  const file = { storage_key: storageKey, creator_id: post.creator_id };
  const stored = await storeFile(ctx, file, createReadStream(path), { signal });
  try {
    const copy: NewMedia = {
      storage_key: storageKey,
      creator_id: post.creator_id,
      purpose: 'working',
      content_type: contentType,
      ...stored,
      facts: json({}),
      expires_at: copyExpiry(post),
    };
    await ctx.db.transaction((trx) => insertMedia(trx, copy));
  } catch (error) {
    await dropFile(ctx, storageKey);
    throw error;
  }
  return { storage_key: storageKey, ...stored };
}

/**
 * Returns until when a working copy is shown: a day after its post is due. The post's end removes
 * it.
 */
export function copyExpiry({ send_at }: Pick<PlannedPost, 'send_at'>): Date {
  return new Date(Math.max(databaseNow().getTime(), send_at.getTime()) + DAY_MS);
}
