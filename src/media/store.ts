// The SQL of stored files, and the one order in which row and file go.
import type { Knex } from 'knex';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { assertNotLeaving } from '../creators/store.ts';
import type { MediaFacts } from '../jobs/job.ts';
import { WORKING_STATES } from '../jobs/states.ts';

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

/** Never for a creator who is leaving: nothing writes after the broom. */
export async function insertMedia(trx: Knex, media: NewMedia): Promise<Media> {
  await assertNotLeaving(trx, media.creator_id);
  const [row] = await trx('media').insert(media).returning('*');
  return row;
}

export async function listMedia(db: Knex, creator_id: string): Promise<Media[]> {
  return db('media')
    .where({ creator_id, purpose: 'upload' })
    .where('expires_at', '>', new Date())
    .orderBy('created_at', 'desc')
    .limit(200);
}

/** Where a page ended: the time as text, since a Date would lose the microseconds. */
export interface MediaCursor {
  listed_at: string;
  storage_key: string;
}

/** Newest first, from `after` on. */
export async function pageOfMedia(
  db: Knex,
  creator_id: string,
  { after, limit }: { after: MediaCursor | null; limit: number },
): Promise<(Media & MediaCursor)[]> {
  const query = db('media')
    .where({ creator_id, purpose: 'upload' })
    .where('expires_at', '>', new Date())
    .select('*', db.raw('created_at::text as listed_at'));
  if (after) {
    query.whereRaw('(created_at, storage_key) < (?::timestamptz, ?)', [
      after.listed_at,
      after.storage_key,
    ]);
  }
  return query
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'storage_key', order: 'desc' },
    ])
    .limit(limit);
}

/** The names of the files that came last. */
export async function listNewest(db: Knex, limit: number): Promise<string[]> {
  return db('media')
    .where('expires_at', '>', new Date())
    .orderBy('created_at', 'desc')
    .limit(limit)
    .pluck('storage_key');
}

export async function findUpload(
  db: Knex,
  creator_id: string,
  storage_key: string,
): Promise<Media | undefined> {
  return db('media')
    .where({ creator_id, storage_key, purpose: 'upload' })
    .where('expires_at', '>', new Date())
    .first();
}

/** Of these, those that are this creator's and still stored; in no order. */
export async function findUploads(
  db: Knex,
  creator_id: string,
  storage_keys: string[],
): Promise<Media[]> {
  return db('media')
    .where({ creator_id, purpose: 'upload' })
    .whereIn('storage_key', storage_keys)
    .where('expires_at', '>', new Date());
}

/** An upload or a working copy of this creator, while it is stored. */
export async function findFile(
  db: Knex,
  creator_id: string,
  storage_key: string,
): Promise<Media | undefined> {
  return db('media')
    .where({ creator_id, storage_key })
    .where('expires_at', '>', new Date())
    .first();
}

export async function getUpload(db: Knex, creator_id: string, storage_key: string): Promise<Media> {
  const found = await findUpload(db, creator_id, storage_key);
  if (!found) throw new Problem('not_found', 'There is no such upload.');
  return found;
}

/** By its unguessable key alone: for the public address of a file. */
export async function getByKey(db: Knex, storage_key: string): Promise<Media> {
  const found = await db('media').where({ storage_key }).first();
  if (!found || found.expires_at <= new Date())
    throw new Problem('not_found', 'There is no such file.');
  return found;
}

/** The row is locked until the job that uses it is stored, so that a deletion waits and then refuses. */
export async function lockUpload(
  trx: Knex,
  creator_id: string,
  storage_key: string,
): Promise<Media | undefined> {
  return trx('media')
    .where({ creator_id, storage_key, purpose: 'upload' })
    .where('expires_at', '>', new Date())
    .forUpdate()
    .first();
}

/**
 * Locks several, in an order that is the same for everybody, before they are looked at one by one: two
 * posts that name the same photos differently would each wait for the other.
 */
export async function lockUploads(
  trx: Knex,
  creator_id: string,
  storage_keys: string[],
): Promise<void> {
  await trx('media')
    .where({ creator_id, purpose: 'upload' })
    .whereIn('storage_key', storage_keys)
    .orderBy('storage_key')
    .forUpdate()
    .select('storage_key');
}

/** As lockUpload, for a working copy too. */
export async function lockFile(
  trx: Knex,
  creator_id: string,
  storage_key: string,
): Promise<Media | undefined> {
  return trx('media').where({ creator_id, storage_key }).forUpdate().first();
}

/** Throws `state_conflict` while a job still needs the file. */
export async function removeUpload(
  ctx: Context,
  creator_id: string,
  storage_key: string,
): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const media = await lockUpload(trx, creator_id, storage_key);
    if (!media) throw new Problem('not_found', 'There is no such upload.');
    const user = await findUser(trx, storage_key);
    if (user) {
      throw new Problem(
        'state_conflict',
        'A post that is not finished needs this file. Cancel the post first.',
        { job_id: user.id },
      );
    }
    await trx('media').where({ storage_key }).delete();
  });
  await ctx.storage.remove(storage_key);
}

/** A job that is not finished and needs the file, as its video or as one of its photos. */
async function findUser(trx: Knex, storage_key: string): Promise<{ id: string } | undefined> {
  const { rows } = await trx.raw(
    `select jobs.id from jobs
      where jobs.state = any(:states) and jobs.id in (
        select id from jobs where source_key = :key
        union all select id from jobs where output_key = :key
        union all select job_id from job_photos where source_key = :key
        union all select job_id from job_photos where output_key = :key)
      limit 1`,
    { key: storage_key, states: [...WORKING_STATES, 'unconfirmed'] },
  );
  return rows[0];
}

/** Every file of a creator: uploads, working copies, and what there is of unfinished uploads. */
export async function storageKeysOf(db: Knex, creator_id: string): Promise<string[]> {
  const { rows } = await db.raw(
    `select storage_key from media where creator_id = :creator_id
     union select parts.storage_key from upload_parts parts
             join uploads on uploads.id = parts.upload_id where creator_id = :creator_id
     union select storage_key from uploads where creator_id = :creator_id and finished_at is null`,
    { creator_id },
  );
  return rows.map(({ storage_key }: Pick<Media, 'storage_key'>) => storage_key);
}

/** The files themselves, oldest first, for an export. */
export async function listFiles(
  db: Knex,
  creator_id: string,
): Promise<Pick<Media, 'storage_key' | 'content_type' | 'created_at'>[]> {
  return db('media')
    .where({ creator_id })
    .orderBy('created_at')
    .select('storage_key', 'content_type', 'created_at');
}
