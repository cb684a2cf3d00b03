// The SQL of stored files for retention: files whose time is over, and files that have a row.
import type { Knex } from 'knex';

/**
 * A row that the caller's transaction has locked, so that no new post can begin to use the file.
 */
export interface EndedFile {
  storage_key: string;
  bytes: number;
  /** Where the next batch begins. It is text, since a Date would lose the microseconds. */
  ended_at: string;
}

/**
 * Locks uploads whose time is over, beginning after `after`; skips rows that are locked already.
 */
export async function lockEndedUploads(
  trx: Knex,
  after: Pick<EndedFile, 'ended_at' | 'storage_key'> | null,
  limit: number,
): Promise<EndedFile[]> {
  const { rows } = await trx.raw(
    `select storage_key, bytes, expires_at::text as ended_at from media
      where purpose = 'upload' and expires_at < now()
        and (expires_at, storage_key) > (?::timestamptz, ?)
      order by expires_at, storage_key limit ? for update skip locked`,
    [after?.ended_at ?? '-infinity', after?.storage_key ?? '', limit],
  );
  return rows;
}

/** Uploads among these files stay for so much longer from now on, unless they stay longer already. */
export async function keepUploadsFor(trx: Knex, storageKeys: string[], ms: number): Promise<void> {
  await trx('media')
    .whereRaw('storage_key = any(?)', [storageKeys])
    .where({ purpose: 'upload' })
    .update({
      expires_at: trx.raw("greatest(expires_at, now() + ? * interval '1 millisecond')", [ms]),
    });
}

/** Locks the rows of these files; skips rows that are locked already. */
export async function lockFiles(trx: Knex, storageKeys: string[]): Promise<EndedFile[]> {
  return trx('media')
    .whereIn('storage_key', storageKeys)
    .select('storage_key', 'bytes', trx.raw('expires_at::text as ended_at'))
    .forUpdate()
    .skipLocked();
}

/** Removes the rows of these files. */
export async function removeRows(trx: Knex, storageKeys: string[]): Promise<void> {
  await trx('media').whereIn('storage_key', storageKeys).delete();
}

/** Returns those of these files that have a row, or belong to an upload that is not finished. */
export async function findRegistered(db: Knex, storageKeys: string[]): Promise<Set<string>> {
  const { rows } = await db.raw(
    `select storage_key from media where storage_key = any(:keys)
     union select storage_key from upload_parts where storage_key = any(:keys)
     union select storage_key from uploads where storage_key = any(:keys) and finished_at is null`,
    { keys: storageKeys },
  );
  return new Set(rows.map(({ storage_key }: Pick<EndedFile, 'storage_key'>) => storage_key));
}

/** Returns keys of stored files in alphabetical order, beginning after `after`. */
export async function listRegistered(db: Knex, after: string, limit: number): Promise<string[]> {
  return db('media')
    .where('storage_key', '>', after)
    .orderBy('storage_key')
    .limit(limit)
    .pluck('storage_key');
}
