// The SQL of resumable uploads: the bytes that have arrived, the writer, and the end.
import type { Knex } from 'knex';
import { isOwnId, json } from '../../base/database.ts';
import { Problem } from '../../base/errors.ts';
import { HOUR_MS } from '../../base/time.ts';
import { assertNotLeaving, lockStaying } from '../../creators/leaving.ts';
import { settleFile } from '../loose-files.ts';

/** A row of `uploads`. */
export interface Upload {
  id: string;
  creator_id: string;
  /** The key of the whole file at the end. */
  storage_key: string;
  /** As the client sent it. */
  metadata: Record<string, string | null>;
  /** Null while the client has not declared it. */
  length: number | null;
  received: number;
  /** The request that may write now. A later request replaces it. */
  writer: string;
  finished_at: Date | null;
  expires_at: Date;
  created_at: Date;
}

/** Returns the file's name, which clients of tus send as `filename` or `name`. */
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

// How long an upload is kept after its last byte.
export const SILENCE_MS = 24 * HOUR_MS;
const MOST_UNFINISHED = 50;

const expiry = (db: Knex) => db.raw(`now() + interval '24 hours'`);

/**
 * Inserts an upload without bytes.
 * @throws Problem `state_conflict` if the creator has 50 unfinished uploads, `not_found` if
 * leaving.
 */
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
        `This account has ${MOST_UNFINISHED} uploads that are not finished. Continue one of them, or remove one.`,
      );
    }
    const metadata = json(upload.metadata);
    const [row] = await trx('uploads')
      .insert({ ...upload, metadata, expires_at: expiry(trx) })
      .returning('*');
    return row;
  });
}

/** Returns an upload of this creator, or undefined if there is none or it has expired. */
export async function findUpload(
  db: Knex,
  creatorId: string,
  id: string,
): Promise<Upload | undefined> {
  if (!isOwnId(id)) return undefined;
  return db('uploads').where({ id, creator_id: creatorId }).whereRaw('expires_at > now()').first();
}

/** Returns the uploads that can be continued, newest first. */
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

/** Makes this request the only writer. What another request has not committed by now is refused. */
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

/** Stores the length that a client declares late. Throws Problem `state_conflict`. */
export async function declareLength(db: Knex, upload: Upload, length: number): Promise<void> {
  const { id, writer } = upload;
  const changed = await db('uploads').where({ id, writer, length: null }).update({ length });
  if (changed === 0) throw replaced();
}

/**
 * Adds a stored part to the upload and returns the upload. If it throws a Problem, nothing was
 * committed.
 * @throws Problem `state_conflict` if another request writes now, `not_found` if the creator
 * leaves.
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
    await settleFile(trx, part.storage_key);
    return row;
  });
}

function replaced(): Problem {
  return new Problem(
    'state_conflict',
    'Another request has continued or ended this upload. Ask with HEAD how much has arrived.',
  );
}

/** Returns the parts in the order of their bytes. */
export async function listParts(db: Knex, uploadId: string): Promise<UploadPart[]> {
  return db('upload_parts').where({ upload_id: uploadId }).orderBy('starts_at');
}

/** Locks the upload, so that no one else finishes or removes it until the transaction ends. */
export async function lockUpload(trx: Knex, id: string): Promise<Upload | undefined> {
  return trx('uploads').where({ id }).forUpdate().first();
}

/**
 * Marks the upload as finished and removes its parts. The row stays a day, so clients find its
 * file.
 */
export async function markFinished(trx: Knex, id: string): Promise<void> {
  await trx('upload_parts').where({ upload_id: id }).delete();
  await trx('uploads')
    .where({ id })
    .update({ finished_at: trx.fn.now(), expires_at: expiry(trx) });
}

/** Removes an unfinished upload. Returns the keys of its files, or undefined if there was none. */
export async function removeUpload(db: Knex, id: string): Promise<string[] | undefined> {
  return db.transaction(async (trx) => {
    const upload = await trx('uploads').where({ id, finished_at: null }).forUpdate().first();
    if (!upload) return undefined;
    const keys = (await listParts(trx, id)).map(({ storage_key }) => storage_key);
    await trx('uploads').where({ id }).delete();
    return [...keys, upload.storage_key];
  });
}
