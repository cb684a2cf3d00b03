// media.fetch: fetches a post’s files into our storage, except for uploads, which are there already.
import {
  hashOfPhotos,
  type Job,
  type JobPhoto,
  type Patch,
  Problem,
  type StepContext,
} from '#plugin';
import { rejected } from './plan.ts';

/**
 * Returns the stored source of a video or of photos. A file that is already in the storage is used,
 * also one that an earlier run downloaded.
 *
 * @throws Problem `media_rejected` if an upload has been removed or has expired since the post was
 *   accepted; else whatever the download throws.
 */
export async function fetchSource(job: Job, context: StepContext): Promise<Patch> {
  if (job.kind === 'photo') return fetchPhotos(context);
  if (await isStored(job, context)) return {};
  if (!context.isFetched(job)) throw noLongerStored();
  const found = await context.fetchSource(job, 'video', context.progress);
  return {
    source_key: found.storage_key,
    source_sha256: found.sha256,
    media: { ...found.facts, changes: [] },
  };
}

async function fetchPhotos(context: StepContext): Promise<Patch> {
  const all = await context.photos();
  const keys: string[] = [];
  for (const photo of all) {
    context.checkpoint();
    context.progress(photo.position / all.length);
    const sourceKey = await findPhotoKey(photo, context);
    // Saved now, not at the end: the sweep deletes a copy that no post names after an hour, and
    // downloading all photos may take longer.
    if (sourceKey !== photo.source_key) {
      await context.savePhoto({ position: photo.position, source_key: sourceKey });
    }
    keys.push(sourceKey);
  }
  if (!all.some(context.isFetched)) return {};
  const hashes = await Promise.all(keys.map((key) => context.findHash(key)));
  return { source_sha256: hashOfPhotos(hashes) };
}

async function findPhotoKey(photo: JobPhoto, context: StepContext): Promise<string> {
  const { source_key, position } = photo;
  if (source_key && (await isStored(photo, context))) return source_key;
  try {
    if (!context.isFetched(photo)) throw noLongerStored();
    return (await context.fetchSource(photo, 'photo')).storage_key;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.code, `Photo ${position + 1}: ${error.message}`, error.extras);
  }
}

async function isStored(
  { source_key }: Pick<Job, 'source_key'>,
  { storage }: StepContext,
): Promise<boolean> {
  return source_key !== null && (await storage.has(source_key));
}

function noLongerStored(): Problem {
  return rejected('The uploaded file is no longer stored. Upload it again.', 'stored');
}
