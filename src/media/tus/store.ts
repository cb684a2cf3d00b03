// The SQL of uploads that come in pieces: what has arrived, who may write now, and the end.

import type { Knex } from 'knex';
import { isOwnId, json } from '../../base/database.ts';
import { Problem } from '../../base/errors.ts';
import { HOUR_MS } from '../../base/time.ts';
import { assertNotLeaving, lockStaying } from '../../creators/store.ts';

/** A row of `uploads`. */
export interface Upload {
  id: string;
  creator_id: string;
  /** Under which the whole file is stored at the end. */
  storage_key: string;
  /** As the client gave it. */
  metadata: Record<string, string | null>;
  /** Null while the client has not said. */
  length: number | null;
  received: number;
  /** The request that may write now; whoever comes after it takes its place. */
  writer: string;
  finished_at: Date | null;
  expires_at: Date;
  created_at: Date;
}

/** What the file was called; clients of tus have two words for it. */
export function readFileName({ metadata }: Pick<Upload, 'metadata'>): string | null {
  return metadata['filename'] ?? metadata['name'] ?? null;
}

/** A row of `upload_parts`. */
export interface UploadPart {
  storage_key: string;
  upload_id: string;
  starts_at: number;
  bytes: number;
}

// After the last byte that arrived.
export const SILENCE_MS = 24 * HOUR_MS;
const MOST_UNFINISHED = 50;

const expiry = (db: Knex) => db.raw(`now() + interval '24 hours'`);

/** Throws `state_conflict` when this creator has too many that were never finished. */
export async function insertUpload(
  db: Knex,
  upload: Omit<Upload, 'received' | 'finished_at' | 'expires_at' | 'created_at'>,
): Promise<Upload> {
  return db.transaction(async (trx) => {
    const { creator_id } = upload;
    await lockStaying(trx, creator_id);
    const unfinished = await trx('uploads').where({ creator_id, finished_at: null }).pluck('id');
    if (unfinished.length >= MOST_UNFINISHED) {
      throw new Problem(
        'state_conflict',
        `This account has ${MOST_UNFINISHED} uploads that are not finished. Go on with one of them, or end it with DELETE.`,
      );
    }
    const metadata = json(upload.metadata);
    const [row] = await trx('uploads')
      .insert({ ...upload, metadata, expires_at: expiry(trx) })
      .returning('*');
    return row;
  });
}

/** The creator's own; undefined also once its time is over. */
export async function findUpload(
  db: Knex,
  creatorId: string,
  id: string,
): Promise<Upload | undefined> {
  if (!isOwnId(id)) return undefined;
  return db('uploads').where({ id, creator_id: creatorId }).whereRaw('expires_at > now()').first();
}

/** Newest first: those that can be gone on with. */
export async function listUnfinishedUploads(
  db: Knex,
  creatorId: string,
): Promise<(Upload & { file_name: string | null })[]> {
  const rows: Upload[] = await db('uploads')
    .where({ creator_id: creatorId, finished_at: null })
    .whereRaw('expires_at > now()')
    .orderBy('created_at', 'desc');
  return rows.map((row) => ({ ...row, file_name: readFileName(row) }));
}

/** From now on this request alone may write; what another one has not committed by now is refused. */
export async function takeOver(
  db: Knex,
  { id, creator_id }: Pick<Upload, 'id' | 'creator_id'>,
  writer: string,
): Promise<Upload | undefined> {
  if (!isOwnId(id)) return undefined;
  const [row] = await db('uploads')
    .where({ id, creator_id })
    .whereRaw('expires_at > now()')
    .update({ writer })
    .returning('*');
  return row;
}

export async function declareLength(db: Knex, upload: Upload, length: number): Promise<void> {
  const { id, writer } = upload;
  const changed = await db('uploads').where({ id, writer, length: null }).update({ length });
  if (changed === 0) throw replaced();
}

/**
 * A part that is stored counts from here on. Throws `state_conflict` when another request has taken
 * over, `not_found` when the creator is leaving: then nothing was committed.
 */
export async function addPart(
  db: Knex,
  upload: Upload,
  part: Pick<UploadPart, 'storage_key' | 'bytes'>,
): Promise<Upload> {
  const { id, creator_id, writer, received } = upload;
  return db.transaction(async (trx) => {
    await assertNotLeaving(trx, creator_id);
    const [row] = await trx('uploads')
      .where({ id, writer, received, finished_at: null })
      .update({ received: received + part.bytes, expires_at: expiry(trx) })
      .returning('*');
    if (!row) throw replaced();
    await trx('upload_parts').insert({ ...part, upload_id: id, starts_at: received });
    return row;
  });
}

function replaced(): Problem {
  return new Problem(
    'state_conflict',
    'Another request goes on with this upload, or has ended it. Ask with HEAD how far it is.',
  );
}

/** In the order of their bytes. */
export async function listParts(db: Knex, uploadId: string): Promise<UploadPart[]> {
  return db('upload_parts').where({ upload_id: uploadId }).orderBy('starts_at');
}

/** Until the caller's transaction ends nobody else finishes or removes it. */
export async function lockUpload(trx: Knex, id: string): Promise<Upload | undefined> {
  return trx('uploads').where({ id }).forUpdate().first();
}

/** Its parts are not needed any more; it stays for a day to tell what became of it. */
export async function markFinished(trx: Knex, id: string): Promise<void> {
  await trx('upload_parts').where({ upload_id: id }).delete();
  await trx('uploads')
    .where({ id })
    .update({ finished_at: trx.fn.now(), expires_at: expiry(trx) });
}

/** An unfinished one goes; answers the names of its files, or undefined when there was none. */
export async function removeUpload(db: Knex, id: string): Promise<string[] | undefined> {
  return db.transaction(async (trx) => {
    const upload = await trx('uploads').where({ id, finished_at: null }).forUpdate().first();
    if (!upload) return undefined;
    const keys = (await listParts(trx, id)).map(({ storage_key }) => storage_key);
    await trx('uploads').where({ id }).delete();
    return [...keys, upload.storage_key];
  });
}

/** Whose time is over, with the names of their files; those that another transaction uses are left out. */
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

export async function removeSilentRows(trx: Knex, ids: string[]): Promise<void> {
  await trx('uploads').whereIn('id', ids).delete();
}
