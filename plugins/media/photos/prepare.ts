// media.prepare for photos: checks each photo, and converts those that TikTok would refuse.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Job,
  type JobPhoto,
  type MediaFacts,
  type Patch,
  Problem,
  type StepContext,
  summarizeChanges,
} from '#plugin';
import { judgeWorkingFile } from '../working-file.ts';
import { makePhoto } from './make.ts';

type Prepared = Pick<JobPhoto, 'position'> & {
  output_key: string;
  output_type: string;
  facts: MediaFacts;
};

/**
 * Prepares the photos one after the other, so that a post of 35 takes no more memory than one
 * photo.
 *
 * @throws Problem `media_rejected`, with a message that names the photo.
 */
export async function preparePhotos(job: Job, context: StepContext): Promise<Patch> {
  const photos = await context.photos();
  const prepared: Prepared[] = [];
  for (const photo of photos) {
    context.checkpoint();
    prepared.push(await preparePhoto(photo, context));
    context.progress(prepared.length / photos.length);
  }
  const cover = prepared[job.photo_cover_index ?? 0];
  if (!cover) throw new Error('Expected the cover among the photos');
  return {
    output_key: cover.output_key,
    output_type: cover.output_type,
    photos: prepared,
    media: {
      ...cover.facts,
      bytes: prepared.reduce((sum, { facts }) => sum + facts.bytes, 0),
      sha256: null,
      changes: summarizeChanges(prepared.map(({ facts }) => facts.changes)),
    },
  };
}

async function preparePhoto(photo: JobPhoto, context: StepContext): Promise<Prepared> {
  const { position, source_key } = photo;
  if (!source_key) throw new Error('Expected a fetched photo before preparing');
  const folder = await mkdtemp(join(context.scratch, 'photo-'));
  try {
    const source = await context.storage.checkout(source_key, folder);
    const making = makePhoto(source, folder, context.signal);
    const made = await judgeWorkingFile(source, making).catch((error) => {
      throw namePhoto(error, photo);
    });
    const { content_type: outputType, facts } = made;
    if (made.act === 'nothing')
      return { position, output_key: source_key, output_type: outputType, facts };
    const { storage_key, bytes, sha256 } = await context.storeCopy(made.path, outputType);
    return {
      position,
      output_key: storage_key,
      output_type: outputType,
      facts: { ...facts, bytes, sha256 },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts the photo's number and file name before the message: a post may have 35 photos. */
function namePhoto(error: unknown, { position, file_name }: JobPhoto): unknown {
  if (!(error instanceof Problem) || error.code !== 'media_rejected') return error;
  const name = file_name ? ` (${file_name})` : '';
  return new Problem(
    'media_rejected',
    `Photo ${position + 1}${name}: ${error.message}`,
    error.extras,
  );
}
