// The SQL that locks rows of stored files, for transactions that begin or end the use of a file.
import type { Knex } from 'knex';
import type { Media } from './store.ts';

/**
 * Locks an upload until the caller's transaction has stored the job that uses it. A removal waits
 * for the lock and is then refused. Returns undefined if the creator has no such upload.
 */
export async function lockMedia(
  trx: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return trx('media')
    .where({ creator_id: creatorId, storage_key: storageKey, purpose: 'upload' })
    .where('expires_at', '>', trx.raw('clock_timestamp()'))
    .forUpdate()
    .first();
}

/**
 * Locks several uploads, always in the order of their keys. Two posts that name the same photos in
 * different orders would otherwise deadlock.
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

/** Locks an upload or a working copy, also one whose time is over. */
export async function lockFile(
  trx: Knex,
  creatorId: string,
  storageKey: string,
): Promise<Media | undefined> {
  return trx('media').where({ creator_id: creatorId, storage_key: storageKey }).forUpdate().first();
}
