// Judges where a post’s media come from: uploads of the creator, or a source of a module.
import type { Knex } from 'knex';
import { invalid } from '../../base/errors.ts';
import type { MediaFacts } from '../../base/media-facts.ts';
import { sha256 } from '../../base/secrets.ts';
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { lockManyMedia, lockMedia } from '../../media/locks.ts';
import { servesAs } from '../../media/store-media.ts';
import { type Job, UPLOAD_SOURCE } from '../job.ts';
import type { NewPhoto } from '../photos.ts';
import type { NewJobRequest } from '../schema.ts';
import { listSources, type NamedUpload, type Source, type SourceRequest } from '../source.ts';

/** One file: stored already, or to be fetched. */
interface JudgedFile extends Omit<NewPhoto, 'position'> {
  facts: MediaFacts | null;
}

/** What a new job's row and its photos' rows say about where the media come from. */
export interface Sources {
  job: Pick<
    Job,
    | 'kind'
    | 'source_key'
    | 'source'
    | 'source_request'
    | 'source_sha256'
    | 'media'
    | 'photo_cover_index'
  >;
  photos: NewPhoto[];
}

/** Who asks, and in which transaction. */
interface Asker {
  ctx: Context;
  trx: Knex;
  creator: Creator;
}

/** One file of the request, and where in it that stands. */
interface NamedFile {
  source: Source;
  name: string;
  /** The fields beside `source`. */
  fields: Record<string, unknown>;
  upload: NamedUpload | null;
  kind: 'video' | 'photo';
  pointer: string;
}

/** Judges everything that needs no network. Locks uploads until the job that uses them is stored. */
export async function resolveSources(
  ctx: Context,
  trx: Knex,
  creator: Creator,
  request: Pick<NewJobRequest, 'video' | 'photos' | 'photo_cover_index'>,
): Promise<Sources> {
  const asker = { ctx, trx, creator };
  if (request.video) return resolveVideo(asker, request.video);
  const files = (request.photos ?? []).map((photo, position) =>
    readFile(ctx, photo, { kind: 'photo', pointer: `/photos/${position}` }),
  );
  const keys = files.flatMap(({ upload }) => upload?.storageKey ?? []);
  await lockManyMedia(trx, creator.id, keys);
  const found: JudgedFile[] = [];
  for (const file of files) found.push(await resolveFile(asker, file));
  return {
    job: {
      kind: 'photo',
      ...{ source_key: null, source: UPLOAD_SOURCE, source_request: null },
      source_sha256: hashOfPhotos(found.map(({ facts }) => facts?.sha256 ?? null)),
      media: null,
      photo_cover_index: request.photo_cover_index ?? 0,
    },
    photos: found.map(({ facts: _, ...photo }, position) => ({ position, ...photo })),
  };
}

async function resolveVideo(asker: Asker, video: SourceRequest): Promise<Sources> {
  const named = readFile(asker.ctx, video, { kind: 'video', pointer: '/video' });
  const { facts, ...file } = await resolveFile(asker, named);
  const media = facts && { ...facts, changes: [] };
  const sourceSha256 = facts?.sha256 ?? null;
  return {
    job: { kind: 'video', ...file, source_sha256: sourceSha256, media, photo_cover_index: null },
    photos: [],
  };
}

/** The hash by which the same photos in the same order are known again; null while one is unknown. */
export function hashOfPhotos(hashes: (string | null)[]): string | null {
  return hashes.includes(null) ? null : sha256(hashes.join('\n'));
}

function readFile(
  ctx: Context,
  { source: name, ...fields }: SourceRequest,
  at: Pick<NamedFile, 'kind' | 'pointer'>,
): NamedFile {
  const source = listSources(ctx.modules).get(name)?.source;
  if (!source) throw invalid(`${at.pointer}/source`, `There is no media source ${name}.`);
  return { source, name, fields, upload: source.findUpload?.(fields, ctx) ?? null, ...at };
}

async function resolveFile(asker: Asker, file: NamedFile): Promise<JudgedFile> {
  const { source, name, fields, upload } = file;
  if (upload) return resolveUpload(asker, file, upload);
  const request = (await source.accept?.(fields, asker)) ?? fields;
  return { source_key: null, source: name, source_request: request, facts: null };
}

async function resolveUpload(
  { trx, creator }: Asker,
  { kind, pointer }: NamedFile,
  { storageKey, field }: NamedUpload,
): Promise<JudgedFile> {
  const media = await lockMedia(trx, creator.id, storageKey);
  if (!media) throw invalid(`${pointer}/${field}`, 'There is no upload with this storage key.');
  if (!servesAs(kind, media)) {
    throw invalid(
      `${pointer}/${field}`,
      kind === 'video'
        ? 'This upload is a photo. Name it under `photos`.'
        : 'This upload is a video. Name it under `video`.',
    );
  }
  const facts = { ...media.facts, sha256: media.sha256 };
  const { storage_key: key } = media;
  return { source_key: key, source: UPLOAD_SOURCE, source_request: null, facts };
}
