// The SQL of stored files, and the one order in which row and file go.

import type { Knex } from 'knex';
import { Problem } from '../base/errors.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import type { Context } from '../context/context.ts';
import { findFileUses } from '../context/hooks.ts';

import { assertNotLeaving } from '../creators/store.ts';

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

export async function listMedia(db: Knex, creatorId: string): Promise<Media[]> {
  return db('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
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
  creatorId: string,
  { after, limit }: { after: MediaCursor | null; limit: number },
): Promise<(Media & MediaCursor)[]> {
  const query = db('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
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

export async function findMedia(
  db: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return db('media')
    .where({ creator_id: creatorId, storage_key: storageKey, purpose: 'upload' })
    .where('expires_at', '>', new Date())
    .first();
}

/** Of these, those that are this creator's and still stored; in no order. */
export async function findManyMedia(
  db: Knex,
  creatorId: string,
  storageKeys: string[],
): Promise<Media[]> {
  return db('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
    .whereIn('storage_key', storageKeys)
    .where('expires_at', '>', new Date());
}

/** An upload or a working copy of this creator, while it is stored. */
export async function findFile(
  db: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return db('media')
    .where({ creator_id: creatorId, storage_key: storageKey })
    .where('expires_at', '>', new Date())
    .first();
}

export async function getMedia(db: Knex, creatorId: string, storageKey: string): Promise<Media> {
  const found = await findMedia(db, creatorId, storageKey);
  if (!found) throw new Problem('not_found', 'There is no such upload.');
  return found;
}

/** By its unguessable key alone: for the public address of a file. */
export async function getByKey(db: Knex, storageKey: string): Promise<Media> {
  const found = await db('media').where({ storage_key: storageKey }).first();
  if (!found || found.expires_at <= new Date())
    throw new Problem('not_found', 'There is no such file.');
  return found;
}

/** The row is locked until the job that uses it is stored, so that a deletion waits and then refuses. */
export async function lockMedia(
  trx: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return trx('media')
    .where({ creator_id: creatorId, storage_key: storageKey, purpose: 'upload' })
    .where('expires_at', '>', new Date())
    .forUpdate()
    .first();
}

/**
 * Locks several, in an order that is the same for everybody, before they are looked at one by one: two
 * posts that name the same photos differently would each wait for the other.
 */
export async function lockManyMedia(
  trx: Knex,
  creatorId: string,
  storageKeys: string[],
): Promise<void> {
  await trx('media')
    .where({ creator_id: creatorId, purpose: 'upload' })
    .whereIn('storage_key', storageKeys)
    .orderBy('storage_key')
    .forUpdate()
    .select('storage_key');
}

/** As lockUpload, for a working copy too. */
export async function lockFile(
  trx: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return trx('media').where({ creator_id: creatorId, storage_key: storageKey }).forUpdate().first();
}

/** Throws `state_conflict` while a job still needs the file. */
export async function removeMedia(
  ctx: Context,
  creatorId: string,
  storageKey: string,
): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const media = await lockMedia(trx, creatorId, storageKey);
    if (!media) throw new Problem('not_found', 'There is no such upload.');
    const [use] = await findFileUses(ctx.modules, trx, [storageKey]);
    if (use) {
      throw new Problem(
        'state_conflict',
        'A post that is not finished needs this file. Cancel the post first.',
        { job_id: use.job_id },
      );
    }
    await trx('media').where({ storage_key: storageKey }).delete();
  });
  await ctx.storage.remove(storageKey);
}

/** Every file of a creator: uploads, working copies, and what there is of unfinished uploads. */
export async function listStorageKeys(db: Knex, creatorId: string): Promise<string[]> {
  const { rows } = await db.raw(
    `select storage_key from media where creator_id = :creator_id
     union select parts.storage_key from upload_parts parts
             join uploads on uploads.id = parts.upload_id where creator_id = :creator_id
     union select storage_key from uploads where creator_id = :creator_id and finished_at is null`,
    { creator_id: creatorId },
  );
  return rows.map(({ storage_key }: Pick<Media, 'storage_key'>) => storage_key);
}

/** The files themselves, oldest first, for an export. */
export async function listFiles(
  db: Knex,
  creatorId: string,
): Promise<Pick<Media, 'storage_key' | 'content_type' | 'created_at'>[]> {
  return db('media')
    .where({ creator_id: creatorId })
    .orderBy('created_at')
    .select('storage_key', 'content_type', 'created_at');
}
