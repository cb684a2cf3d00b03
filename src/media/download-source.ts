// Fetches a post's source by URL into storage, as a working copy that goes when the post has ended.

import { json } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import { randomToken } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { getCreator, getPlanLimits } from '../creators/store.ts';
import { judgeSourceToday } from '../domains/sources.ts';
import { TIKTOK_LIMITS } from '../tiktok/limits.ts';
import { assertQuota } from './storage-quota.ts';
import { insertMedia, type NewMedia } from './store.ts';
import { copyExpiry, inspectStored, type PlannedPost, servesAs } from './store-media.ts';

export interface DownloadedFile {
  storage_key: string;
  bytes: number;
  sha256: string;
  content_type: string;
  facts: MediaFacts;
}

export interface FetchOptions {
  kind: 'video' | 'photo';
  signal: AbortSignal;
  /** 0…1, where the server says how much will come. */
  progress?: ((fraction: number) => void) | undefined;
}

/**
 * Judges the URL anew, since domain and plan may have changed since the post was accepted; streams,
 * looks and registers. Whatever fails leaves nothing; a crash leaves a file without a row, or a row
 * that no post names, and the sweeper removes either. Throws what `judgeSourceToday` and the guard
 * throw, `media_rejected`, `storage_full`.
 */
export async function downloadSource(
  ctx: Context,
  post: PlannedPost,
  text: string,
  { kind, signal, progress }: FetchOptions,
): Promise<DownloadedFile> {
  const creator = await getCreator(ctx.db, post.creator_id);
  const { url, domain } = await judgeSourceToday(ctx, creator, text, signal);
  const { uploadBytes } = getPlanLimits(ctx.config, creator);
  const limit = Math.min(uploadBytes, TIKTOK_LIMITS.video.maxBytes);
  const storageKey = randomToken(190);
  const stored = await ctx.safeFetch.fetch(
    { url, host: domain.host, limit, signal, progress },
    async ({ body, bytes }) => {
      await assertQuota(ctx, bytes ?? 0);
      return ctx.storage.write(storageKey, body, { limit, signal });
    },
  );
  try {
    const found = await lookAt(ctx, { storage_key: storageKey, ...stored }, kind, signal);
    const facts = { ...found.facts, ...stored };
    const copy: NewMedia = {
      ...{ storage_key: storageKey, creator_id: creator.id, purpose: 'working' },
      ...stored,
      content_type: found.content_type,
      facts: json(facts),
      expires_at: copyExpiry(post),
    };
    await ctx.db.transaction((trx) => insertMedia(trx, copy));
    return { storage_key: storageKey, ...stored, content_type: found.content_type, facts };
  } catch (error) {
    await ctx.storage.remove(storageKey);
    throw error;
  }
}

async function lookAt(
  ctx: Context,
  stored: Pick<DownloadedFile, 'storage_key' | 'bytes'>,
  kind: MediaFacts['kind'],
  signal: AbortSignal,
) {
  const found = await inspectStored(ctx, stored, signal);
  if (!servesAs(kind, found)) {
    throw new Problem(
      'media_rejected',
      kind === 'video'
        ? 'There is a photo at this URL, and no video. Name it under `photos`.'
        : 'There is a video at this URL, and no photo. Name it under `video`.',
      { rule: kind === 'video' ? 'is_video' : 'is_photo' },
    );
  }
  return found;
}
