// The SQL of files that have reached their end: which may go, and which a post still needs.
import type { Knex } from 'knex';
import { WORKING_STATES } from '../jobs/states.ts';

/** The jobs of a row of `media`, whether it is their video or one of their photos. */
const USERS_OF_FILE = `
  select id from jobs where source_key = media.storage_key
  union all select id from jobs where output_key = media.storage_key
  union all select job_id from job_photos where source_key = media.storage_key
  union all select job_id from job_photos where output_key = media.storage_key`;

/** A row that the caller's transaction holds, so that no new post can begin to use it. */
export interface EndedFile {
  storage_key: string;
  bytes: number;
  /** Where the next look goes on; text, since a Date would lose the microseconds. */
  ended_at: string;
}

/** Uploads whose time is over, from `after` on; those that another transaction uses are left out. */
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

/**
 * Working copies whose post is finished or cancelled, failed or became unconfirmed a day ago, or is
 * not there: a copy is registered a moment before its post names it.
 */
export async function lockEndedCopies(
  trx: Knex,
  after: Pick<EndedFile, 'storage_key'> | null,
  limit: number,
): Promise<EndedFile[]> {
  const { rows } = await trx.raw(
    `select storage_key, bytes, expires_at::text as ended_at from media
      where purpose = 'working' and storage_key > ?
        and (select coalesce(
               bool_and(jobs.state in ('finished', 'cancelled')
                 or jobs.state in ('failed', 'unconfirmed')
                    and jobs.finished_at < now() - interval '24 hours'),
               media.created_at < now() - interval '1 hour')
             from jobs where id in (${USERS_OF_FILE}))
      order by storage_key limit ? for update skip locked`,
    [after?.storage_key ?? '', limit],
  );
  return rows;
}

/** Rows by name; those that another transaction uses are left out. */
export async function lockFiles(trx: Knex, storageKeys: string[]): Promise<EndedFile[]> {
  return trx('media')
    .whereIn('storage_key', storageKeys)
    .select('storage_key', 'bytes', trx.raw('expires_at::text as ended_at'))
    .forUpdate()
    .skipLocked();
}

/** Of these files, those that a post needs; asked once their rows are locked, so nothing is missed. */
export async function findNeeded(
  trx: Knex,
  storageKeys: string[],
  { unconfirmed }: { unconfirmed: boolean },
): Promise<Set<string>> {
  const states = unconfirmed ? [...WORKING_STATES, 'unconfirmed'] : [...WORKING_STATES];
  const { rows } = await trx.raw(
    `select source_key as key from jobs where source_key = any(:keys) and state = any(:states)
     union select output_key from jobs where output_key = any(:keys) and state = any(:states)
     union select photos.source_key from job_photos photos join jobs on jobs.id = photos.job_id
            where photos.source_key = any(:keys) and state = any(:states)
     union select photos.output_key from job_photos photos join jobs on jobs.id = photos.job_id
            where photos.output_key = any(:keys) and state = any(:states)`,
    { keys: storageKeys, states },
  );
  return new Set(rows.map(({ key }: { key: string }) => key));
}

export async function removeRows(trx: Knex, storageKeys: string[]): Promise<void> {
  await trx('media').whereIn('storage_key', storageKeys).delete();
}

/** Of these files, those that have a row, or are a part of an upload that is under way. */
export async function findRegistered(db: Knex, storageKeys: string[]): Promise<Set<string>> {
  const { rows } = await db.raw(
    `select storage_key from media where storage_key = any(:keys)
     union select storage_key from upload_parts where storage_key = any(:keys)
     union select storage_key from uploads where storage_key = any(:keys) and finished_at is null`,
    { keys: storageKeys },
  );
  return new Set(rows.map(({ storage_key }: Pick<EndedFile, 'storage_key'>) => storage_key));
}

/** Names of files in their own order, from `after` on. */
export async function listRegistered(db: Knex, after: string, limit: number): Promise<string[]> {
  return db('media')
    .where('storage_key', '>', after)
    .orderBy('storage_key')
    .limit(limit)
    .pluck('storage_key');
}
