// Fetches the media of a post's source into storage, as a working copy that ends with the post.
import type { Readable } from 'node:stream';
import { json } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import { randomToken } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/rules.ts';
import { type Creator, getCreator } from '../creators/store.ts';
import { tooLarge } from '../safe-fetch/faults.ts';
import { judgeUrl, toHost } from '../safe-fetch/urls.ts';
import { TIKTOK_LIMITS } from '../tiktok/limits.ts';
import { dropFile, storeFile } from './loose-files.ts';
import { assertQuota } from './storage-quota.ts';
import { insertMedia, type NewMedia } from './store.ts';
import { copyExpiry, inspectStored, type PlannedPost, servesAs } from './store-media.ts';

/** The stored copy of a source, and what a probe found about it. */
export interface DownloadedFile {
  storage_key: string;
  bytes: number;
  sha256: string;
  content_type: string;
  facts: MediaFacts;
}

/** A file that a source has opened: its bytes, and what is known about it beforehand. */
export interface SourceFile {
  body: Readable;
  /** How many bytes will come, where that is known. */
  bytes?: number | null;
  /** What the file is called, for the creator. */
  fileName?: string | null;
}

/** What a source may use to open a file. */
export interface SourceContext {
  ctx: Context;
  creator: Creator;
  /** A photo or a video is wanted; what comes is inspected in any case. */
  kind: 'video' | 'photo';
  /** The most bytes that are taken; what streams beyond fails with `too_large`. */
  limit: number;
  /** Aborts when the process stops, the job is cancelled, or the run lost its job to another. */
  signal: AbortSignal;
  /** 0…1; `safeFetch` calls it by itself. */
  progress(fraction: number): void;
  /**
   * GETs a URL behind the guard: public addresses alone, no redirect, with time limits. `host`: the
   * host it must be on; by default its own. The connection ends when the file is stored. Throws
   * `url_not_allowed`, `redirect_not_allowed`, `too_large`, `fetch_failed`.
   */
  safeFetch(url: string, host?: string): Promise<SourceFile>;
  log: Logger;
  /** The settings of the source's module, as parsed by its schemas. */
  settings: Record<string, unknown>;
}

export interface FetchOptions {
  kind: 'video' | 'photo';
  signal: AbortSignal;
  log: Logger;
  settings: Record<string, unknown>;
  /** Gets the fraction (0…1) that has arrived, if the size is known. */
  progress?: ((fraction: number) => void) | undefined;
  /** Opens the file: the source's own `fetch`. */
  open(context: SourceContext): Promise<SourceFile>;
}

/**
 * Opens the source's file, streams it into storage, probes it and inserts its row. A failure leaves
 * nothing. A crash leaves a file without a row, or a row that no post names; the sweep removes both.
 * @throws Problem of `open`, `too_large`, `media_rejected`, `storage_full`.
 */
export async function downloadSource(
  ctx: Context,
  post: PlannedPost,
  options: FetchOptions,
): Promise<DownloadedFile> {
  const creator = await getCreator(ctx.db, post.creator_id);
  const storageKey = randomToken(190);
  const { fileName, ...stored } = await storeOpened(ctx, creator, storageKey, options);
  try {
    const file = { storage_key: storageKey, creator_id: creator.id, ...stored };
    const found = await inspect(ctx, file, options);
    const facts = { ...found.facts, ...stored };
    const copy: NewMedia = {
      ...{ storage_key: storageKey, creator_id: creator.id, purpose: 'working' },
      ...stored,
      file_name: fileName?.slice(0, 200) ?? null,
      content_type: found.content_type,
      facts: json(facts),
      expires_at: copyExpiry(post),
    };
    await ctx.db.transaction((trx) => insertMedia(trx, copy));
    return { storage_key: storageKey, ...stored, content_type: found.content_type, facts };
  } catch (error) {
    await dropFile(ctx, storageKey);
    throw error;
  }
}

/** Streams what `open` returns into storage; its connections end with that, however it ends. */
async function storeOpened(
  ctx: Context,
  creator: Creator,
  storageKey: string,
  { open, progress = () => {}, ...options }: FetchOptions,
) {
  const { signal } = options;
  const { uploadBytes } = getPlanLimits(ctx.config, creator);
  const limit = Math.min(uploadBytes, TIKTOK_LIMITS.video.maxBytes);
  const connections = createConnections(ctx, { limit, signal, progress });
  const { safeFetch } = connections;
  let file: SourceFile | undefined;
  try {
    file = await open({ ctx, creator, limit, progress, safeFetch, ...options });
    if ((file.bytes ?? 0) > limit) throw tooLarge(limit);
    await assertQuota(ctx, file.bytes ?? 0);
    const named = { storage_key: storageKey, creator_id: creator.id };
    const stored = await storeFile(ctx, named, file.body, { limit, signal });
    return { ...stored, fileName: file.fileName };
  } finally {
    // What is not read to its end may still fail, and nobody listens any more.
    file?.body.on('error', () => {}).destroy();
    await connections.end();
  }
}

/** The guard ends a connection with its callback; here that callback lasts until `end()`. */
function createConnections(ctx: Context, of: Pick<SourceContext, 'limit' | 'signal' | 'progress'>) {
  const ended = Promise.withResolvers<void>();
  const open: Promise<void>[] = [];
  const start = (url: string, host: string) =>
    new Promise<SourceFile>((resolve, reject) => {
      const connection = ctx.safeFetch.fetch({ url, host, ...of }, async (answer) => {
        resolve(answer);
        await ended.promise;
      });
      open.push(connection.catch(reject));
    });
  return {
    async safeFetch(url: string, host?: string): Promise<SourceFile> {
      return start(url, host ?? toHost(judgeUrl(url, ctx.safeFetch.policy)));
    },
    async end(): Promise<void> {
      ended.resolve();
      await Promise.all(open);
    },
  };
}

async function inspect(
  ctx: Context,
  stored: Parameters<typeof inspectStored>[1],
  { kind, signal }: FetchOptions,
) {
  const found = await inspectStored(ctx, stored, signal);
  if (servesAs(kind, found)) return found;
  throw new Problem(
    'media_rejected',
    kind === 'video'
      ? 'The source holds a photo, and no video. Name it under `photos`.'
      : 'The source holds a video, and no photo. Name it under `video`.',
    { rule: kind === 'video' ? 'is_video' : 'is_photo' },
  );
}
