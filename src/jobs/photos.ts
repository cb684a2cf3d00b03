// The SQL of the photos of a post: up to 35 of them, in their order.
import type { Knex } from 'knex';
import { json } from '../base/database.ts';
import { type JobPhoto, type Patch, type StoredFile, UPLOAD_SOURCE } from './job.ts';

/** Returns the photos of a job in the order in which they are shown. */
export async function listPhotos(db: Knex, jobId: string): Promise<JobPhoto[]> {
  return db('job_photos as photos')
    .leftJoin('media', 'media.storage_key', 'photos.source_key')
    .where({ job_id: jobId })
    .orderBy('position')
    .select('photos.position', 'photos.source_key', 'photos.source', 'photos.source_request')
    .select('photos.output_key', 'photos.output_type', 'photos.facts', 'media.file_name');
}

/**
 * Returns for each photo, in order, the file that is still stored: the one for TikTok, which is removed
 * when the post is made, else the upload; null where neither is stored.
 */
export async function listStored(db: Knex, jobIds: string[]): Promise<StoredPhoto[]> {
  return db('job_photos as photos')
    .leftJoin('media as output', 'output.storage_key', 'photos.output_key')
    .leftJoin('media as source', 'source.storage_key', 'photos.source_key')
    .whereIn('job_id', jobIds)
    .orderBy(['job_id', 'position'])
    .select('job_id', 'position')
    .select(db.raw('coalesce(output.storage_key, source.storage_key) as storage_key'));
}

export interface StoredPhoto extends StoredFile {
  position: number;
}

export type NewPhoto = Pick<JobPhoto, 'position' | 'source_key' | 'source' | 'source_request'>;

export async function insertPhotos(trx: Knex, jobId: string, photos: NewPhoto[]): Promise<void> {
  if (photos.length === 0) return;
  const rows = photos.map(({ source_request, ...photo }) => ({
    ...{ job_id: jobId, ...photo },
    source_request: json(source_request),
  }));
  await trx('job_photos').insert(rows);
}

/** Runs in the caller's transaction, which has checked the job's fence. */
export async function updatePhotos(
  trx: Knex,
  jobId: string,
  photos: NonNullable<Patch['photos']>,
): Promise<void> {
  for (const { position, facts, ...plain } of photos) {
    const changes = { ...plain, ...(facts === undefined ? {} : { facts: json(facts) }) };
    await trx('job_photos').where({ job_id: jobId, position }).update(changes);
  }
}

/** What was made for the post goes with a new beginning; what a source fetched is fetched anew. */
export async function resetPhotos(trx: Knex, jobId: string): Promise<void> {
  await trx('job_photos')
    .where({ job_id: jobId })
    .update({
      output_key: null,
      output_type: null,
      source_key: trx.raw('case when source = ? then source_key end', [UPLOAD_SOURCE]),
    });
}
