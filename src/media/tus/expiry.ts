// The SQL of resumable uploads that have expired, for retention.
import type { Knex } from 'knex';
import type { Upload, UploadPart } from './store.ts';

/**
 * Locks expired uploads and returns them with the keys of their files; skips rows locked already.
 */
export async function lockSilentUploads(
  trx: Knex,
  limit: number,
  passedOver: string[],
): Promise<{ id: string; bytes: number; keys: string[] }[]> {
  const { rows } = await trx.raw(
    `select id, received as bytes, finished_at is not null as is_finished, storage_key from uploads
      where expires_at < now() and id <> all(?) order by expires_at limit ? for update skip locked`,
    [passedOver, limit],
  );
  const parts: UploadPart[] = await trx('upload_parts').whereIn(
    'upload_id',
    rows.map(({ id }: { id: string }) => id),
  );
  return rows.map((row: Upload & { bytes: number; is_finished: boolean }) => {
    const { id, bytes, is_finished } = row;
    if (is_finished) return { id, bytes: 0, keys: [] };
    const own = parts.filter(({ upload_id }) => upload_id === id);
    return { id, bytes, keys: [...own.map((part) => part.storage_key), row.storage_key] };
  });
}

/** Removes the rows of these uploads. */
export async function removeSilentRows(trx: Knex, ids: string[]): Promise<void> {
  await trx('uploads').whereIn('id', ids).delete();
}
