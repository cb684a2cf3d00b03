// The SQL of stored files: uploads, and working copies that were made for a post.
import type { Knex } from 'knex';
import { Problem } from '../base/errors.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import { assertNotLeaving } from '../creators/leaving.ts';
import type { Cursor } from '../web/cursor.ts';
import { settleFile } from './loose-files.ts';

/** A row of `media`. */
export interface Media {
  storage_key: string;
  creator_id: string;
  purpose: 'upload' | 'working';
  file_name: string | null;
  content_type: string;
  bytes: number;
  sha256: string;
  facts: MediaFacts;
  expires_at: Date;
  created_at: Date;
}

export type NewMedia = Omit<Media, 'facts' | 'created_at' | 'file_name'> & {
  facts: string | null;
  file_name?: string | null;
};

/**
 * Inserts a stored file and returns its row.
 * @throws Problem `not_found` if the creator is leaving, since no row may appear after the erasure.
 */
export async function insertMedia(trx: Knex, media: NewMedia): Promise<Media> {
  await assertNotLeaving(trx, media.creator_id);
  const [row] = await trx('media').insert(media).returning('*');
  await settleFile(trx, media.storage_key);
  return row;
}

/** Returns the newest 200 uploads of a creator, newest first. */
export async function listMedia(db: Knex, creatorId: string): Promise<Media[]> {
  return db('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
    .where('expires_at', '>', db.fn.now())
    .orderBy('created_at', 'desc')
    .limit(200);
}

/**
 * Returns at most `limit` uploads of a creator, newest first, beginning after the cursor `after`.
 */
export async function pageOfMedia(
  db: Knex,
  creatorId: string,
  { after, limit }: { after: Cursor | null; limit: number },
): Promise<(Media & { listed_at: string })[]> {
  const query = db('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
    .where('expires_at', '>', db.fn.now())
    .select('*', db.raw('created_at::text as listed_at'));
  if (after) {
    query.whereRaw('(created_at, storage_key) < (?::timestamptz, ?)', [after.listedAt, after.id]);
  }
  return query
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'storage_key', order: 'desc' },
    ])
    .limit(limit);
}

/** Returns the storage keys of the newest files of all creators. */
export async function listNewest(db: Knex, limit: number): Promise<string[]> {
  return db('media')
    .where('expires_at', '>', db.fn.now())
    .orderBy('created_at', 'desc')
    .limit(limit)
    .pluck('storage_key');
}

/** Returns an upload of this creator, or undefined once its time is over. */
export async function findMedia(
  db: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return db('media')
    .where({ creator_id: creatorId, storage_key: storageKey, purpose: 'upload' })
    .where('expires_at', '>', db.fn.now())
    .first();
}

/** Returns the uploads of this creator among these keys that are still stored, in no order. */
export async function findManyMedia(
  db: Knex,
  creatorId: string,
  storageKeys: string[],
): Promise<Media[]> {
  return db('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
    .whereIn('storage_key', storageKeys)
    .where('expires_at', '>', db.fn.now());
}

/** Returns an upload or a working copy of this creator, or undefined once its time is over. */
export async function findFile(
  db: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return db('media')
    .where({ creator_id: creatorId, storage_key: storageKey })
    .where('expires_at', '>', db.fn.now())
    .first();
}

/**
 * Returns an upload of this creator.
 * @throws Problem `not_found`, also for another creator's upload.
 */
export async function getMedia(db: Knex, creatorId: string, storageKey: string): Promise<Media> {
  const found = await findMedia(db, creatorId, storageKey);
  if (!found) throw noUpload();
  return found;
}

/** Returns the Problem of an upload that is not stored. */
export function noUpload(): Problem {
  return new Problem('not_found', 'There is no such upload.');
}

/**
 * Returns a file by its unguessable key alone, for the public address of the file.
 * @throws Problem `not_found`.
 */
export async function getByKey(db: Knex, storageKey: string): Promise<Media> {
  const found = await db('media')
    .where({ storage_key: storageKey })
    .where('expires_at', '>', db.fn.now())
    .first();
  if (!found) throw new Problem('not_found', 'There is no such file.');
  return found;
}

/**
 * Returns the keys of all files of a creator: uploads, working copies, and the parts of unfinished
 * uploads.
 */
export async function listStorageKeys(db: Knex, creatorId: string): Promise<string[]> {
  const { rows } = await db.raw(
    `select storage_key from media where creator_id = :creator_id
     union select storage_key from loose_files where creator_id = :creator_id
     union select parts.storage_key from upload_parts parts
             join uploads on uploads.id = parts.upload_id where creator_id = :creator_id
     union select storage_key from uploads where creator_id = :creator_id and finished_at is null`,
    { creator_id: creatorId },
  );
  return rows.map(({ storage_key }: Pick<Media, 'storage_key'>) => storage_key);
}

/** Returns the files of a creator for an export, oldest first. */
export async function listFiles(
  db: Knex,
  creatorId: string,
): Promise<Pick<Media, 'storage_key' | 'content_type' | 'created_at'>[]> {
  return db('media')
    .where({ creator_id: creatorId })
    .orderBy('created_at')
    .select('storage_key', 'content_type', 'created_at');
}
