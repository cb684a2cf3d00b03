// Where a post's media come from: an upload of the creator's, or an address on a domain they have verified.

import type { Knex } from 'knex';
import { invalid } from '../../base/errors.ts';
import type { MediaFacts } from '../../base/media-facts.ts';
import { sha256 } from '../../base/secrets.ts';
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { judgeSource } from '../../domains/sources.ts';
import { lockManyMedia, lockMedia } from '../../media/store.ts';
import { servesAs } from '../../media/store-media.ts';
import type { Job, JobPhoto } from '../job.ts';
import type { NewJobRequest, SourceRequest } from '../schema.ts';

/** One file: stored already, or an address to be fetched. */
interface Source {
  source_key: string | null;
  source_url: string | null;
  facts: MediaFacts | null;
}

/** What a new job's row and its photos' rows say about where the media come from. */
export interface Sources {
  job: Pick<
    Job,
    'kind' | 'source_key' | 'source_url' | 'source_sha256' | 'media' | 'photo_cover_index'
  >;
  photos: Pick<JobPhoto, 'position' | 'source_key' | 'source_url'>[];
}

/** Judges everything that needs no network. Locks uploads until the job that uses them is stored. */
export async function resolveSources(
  ctx: Context,
  trx: Knex,
  creator: Creator,
  request: Pick<NewJobRequest, 'video' | 'photos' | 'photo_cover_index'>,
): Promise<Sources> {
  if (request.video) return videoSource(ctx, trx, creator, request.video);
  const photos = request.photos ?? [];
  const keys = photos.flatMap((photo) => keyIn(ctx, photo) ?? []);
  await lockManyMedia(trx, creator.id, keys);
  const found: Source[] = [];
  for (const [position, photo] of photos.entries()) {
    found.push(await resolveSource(ctx, trx, creator, photo, 'photo', `/photos/${position}`));
  }
  const hashes = found.map(({ facts }) => facts?.sha256 ?? null);
  return {
    job: {
      kind: 'photo',
      source_key: null,
      source_url: null,
      source_sha256: hashOfPhotos(hashes),
      media: null,
      photo_cover_index: request.photo_cover_index ?? 0,
    },
    photos: found.map(({ source_key, source_url }, position) => ({
      position,
      source_key,
      source_url,
    })),
  };
}

async function videoSource(
  ctx: Context,
  trx: Knex,
  creator: Creator,
  video: SourceRequest,
): Promise<Sources> {
  const { facts, ...source } = await resolveSource(ctx, trx, creator, video, 'video', '/video');
  const media = facts && { ...facts, changes: [] };
  const sourceSha256 = facts?.sha256 ?? null;
  return {
    job: { kind: 'video', ...source, source_sha256: sourceSha256, media, photo_cover_index: null },
    photos: [],
  };
}

/** The hash by which the same photos in the same order are known again; null while one is unknown. */
export function hashOfPhotos(hashes: (string | null)[]): string | null {
  return hashes.includes(null) ? null : sha256(hashes.join('\n'));
}

async function resolveSource(
  ctx: Context,
  trx: Knex,
  creator: Creator,
  request: SourceRequest,
  kind: 'video' | 'photo',
  pointer: string,
): Promise<Source> {
  const key = keyIn(ctx, request);
  if (request.source === 'url' && !key) return urlSource(ctx, trx, creator, request.url);
  const field = request.source === 'url' ? 'url' : 'storage_key';
  return uploadSource(trx, creator, key ?? '', kind, `${pointer}/${field}`);
}

/** The storage key that is named, also by an address of ours as `POST /v1/media` answers it; else null. */
function keyIn(ctx: Context, request: SourceRequest): string | null {
  if (request.source === 'pm3k_storage') return request.storage_key;
  const path = `${ctx.config.PUBLIC_URL}/media/`;
  return request.url.startsWith(path) ? request.url.slice(path.length) : null;
}

async function uploadSource(
  trx: Knex,
  creator: Creator,
  storageKey: string,
  kind: 'video' | 'photo',
  pointer: string,
): Promise<Source> {
  const media = await lockMedia(trx, creator.id, storageKey);
  if (!media) throw invalid(pointer, 'There is no upload with this storage key.');
  if (!servesAs(kind, media)) {
    throw invalid(
      pointer,
      kind === 'video'
        ? 'This upload is a photo. Name it under `photos`.'
        : 'This upload is a video. Name it under `video`.',
    );
  }
  const facts = { ...media.facts, sha256: media.sha256 };
  return { source_key: media.storage_key, source_url: null, facts };
}

async function urlSource(ctx: Context, trx: Knex, creator: Creator, text: string): Promise<Source> {
  const { url } = await judgeSource(ctx, trx, creator, text);
  return { source_key: null, source_url: url, facts: null };
}
