// Finds the stored file that shows a post on the pages: its video, or the cover of its photos.
import type { Knex } from 'knex';
import type { Job, StoredFile } from '../job.ts';
import { listStoredVideos } from '../list-store.ts';
import { listStored } from '../photos.ts';

/** Returns job id → storage key, without the posts whose files are not stored any more. */
export async function findThumbnails(db: Knex, jobs: Job[]): Promise<Record<string, string>> {
  const videos = jobs.filter(({ kind }) => kind === 'video');
  const photos = jobs.filter(({ kind }) => kind === 'photo');
  const ids = videos.map(({ id }) => id);
  const found = [...(await listStoredVideos(db, ids)), ...(await listCovers(db, photos))];
  return Object.fromEntries(
    found.flatMap(({ job_id, storage_key }) => (storage_key ? [[job_id, storage_key]] : [])),
  );
}

async function listCovers(db: Knex, jobs: Job[]): Promise<StoredFile[]> {
  const of = new Map(jobs.map((job) => [job.id, job.photo_cover_index ?? 0]));
  const photos = await listStored(db, [...of.keys()]);
  return photos.filter(({ job_id, position }) => position === of.get(job_id));
}
