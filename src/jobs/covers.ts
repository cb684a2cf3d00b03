// Finds the stored file that stands for a post on the pages: its video, or the cover of its photos.
import type { Knex } from 'knex';
import type { Job } from './job.ts';
import { listStored } from './photos.ts';

/** Job → key of that file; posts of which none is stored any more are not in it. */
export async function coversOf(db: Knex, jobs: Job[]): Promise<Record<string, string>> {
  const videos = jobs.filter(({ kind }) => kind === 'video');
  const photos = jobs.filter(({ kind }) => kind === 'photo');
  const found = [...(await listVideos(db, videos)), ...(await listCovers(db, photos))];
  return Object.fromEntries(
    found.flatMap(({ job_id, storage_key }) => (storage_key ? [[job_id, storage_key]] : [])),
  );
}

interface Cover {
  job_id: string;
  storage_key: string | null;
}

/** As TikTok gets it, which goes when the post is made, else as it was uploaded. */
async function listVideos(db: Knex, jobs: Job[]): Promise<Cover[]> {
  if (jobs.length === 0) return [];
  return db('jobs')
    .leftJoin('media as output', 'output.storage_key', 'jobs.output_key')
    .leftJoin('media as source', 'source.storage_key', 'jobs.source_key')
    .whereIn(
      'jobs.id',
      jobs.map(({ id }) => id),
    )
    .select('jobs.id as job_id')
    .select(db.raw('coalesce(output.storage_key, source.storage_key) as storage_key'));
}

async function listCovers(db: Knex, jobs: Job[]): Promise<Cover[]> {
  if (jobs.length === 0) return [];
  const of = new Map(jobs.map((job) => [job.id, job.photo_cover_index ?? 0]));
  const photos = await listStored(db, [...of.keys()]);
  return photos.filter(({ job_id, position }) => position === of.get(job_id));
}
