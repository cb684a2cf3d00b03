// The SQL of stored files, and the one order in which file and row come and go.
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import type { Knex } from 'knex';
import type { Context } from '../context.ts';
import { assertNotLeaving, type Creator, limitsOf } from '../creators/store.ts';
import { json } from '../database.ts';
import { Problem } from '../errors.ts';
import type { Job, MediaFacts } from '../jobs/job.ts';
import { WORKING_STATES } from '../jobs/states.ts';
import { randomToken } from '../secrets.ts';
import { assertRoom } from './room.ts';

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

const DAY_MS = 86_400_000;

/**
 * Streams an upload into storage, looks at it, and keeps it; a file that is no media leaves nothing.
 * A crash between file and row leaves a file without a row, which the sweeper removes.
 */
export async function keepUpload(
  ctx: Context,
  creator: Creator,
  body: Readable,
  file_name: string | null,
  signal: AbortSignal,
): Promise<Media> {
  await assertRoom(ctx);
  const storage_key = randomToken(190);
  const stored = await ctx.storage.write(storage_key, body, {
    limit: limitsOf(ctx.config, creator).upload_bytes,
    signal,
  });
  try {
    const media = await lookedAt(ctx, creator, { storage_key, file_name, ...stored }, signal);
    return await ctx.db.transaction((trx) => insertMedia(trx, media));
  } catch (error) {
    await ctx.storage.remove(storage_key);
    throw error;
  }
}

/** The row of an upload that is stored already; throws `media_rejected` when it is no media. */
export async function lookedAt(
  ctx: Context,
  creator: Creator,
  { file_name, ...stored }: Pick<Media, 'storage_key' | 'file_name' | 'bytes' | 'sha256'>,
  signal: AbortSignal,
): Promise<NewMedia> {
  const { bytes, sha256 } = stored;
  const found = await inspectStored(ctx, stored, signal);
  return {
    ...stored,
    creator_id: creator.id,
    purpose: 'upload',
    file_name: file_name?.slice(0, 200) ?? null,
    content_type: found.content_type,
    facts: json({ ...found.facts, bytes, sha256 }),
    expires_at: new Date(Date.now() + limitsOf(ctx.config, creator).media_days * DAY_MS),
  };
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

/** What a stored file is; throws `media_rejected` when it is no media. */
export async function inspectStored(
  ctx: Context,
  { storage_key, bytes }: Pick<Media, 'storage_key' | 'bytes'>,
  signal: AbortSignal,
) {
  if (bytes === 0) throw new Problem('media_rejected', 'The file is empty (rule: not_empty).');
  const path = await ctx.storage.checkout(storage_key, ctx.scratch);
  return ctx.inspect(path, signal).finally(() => rm(path, { force: true }));
}

/** Whether a post of this kind can be made from it; a GIF is either: a short video, or its first picture. */
export function servesAs(
  kind: MediaFacts['kind'],
  { content_type, facts }: Pick<Media, 'content_type' | 'facts'>,
): boolean {
  return facts.kind === kind || content_type === 'image/gif';
}

/** Keeps a converted file of a job: registered first, so that no crash leaves it unknown. */
export async function keepWorkingCopy(
  ctx: Context,
  job: Job,
  path: string,
  content_type: string,
  signal: AbortSignal,
): Promise<{ storage_key: string; bytes: number; sha256: string }> {
  await assertRoom(ctx);
  const storage_key = `${randomToken(190)}${extname(path)}`;
  const stored = await ctx.storage.write(storage_key, createReadStream(path), { signal });
  try {
    const copy: NewMedia = {
      storage_key,
      creator_id: job.creator_id,
      purpose: 'working',
      content_type,
      ...stored,
      facts: json({}),
      expires_at: copyExpiry(job),
    };
    await ctx.db.transaction((trx) => insertMedia(trx, copy));
  } catch (error) {
    await ctx.storage.remove(storage_key);
    throw error;
  }
  return { storage_key, ...stored };
}

/** Until when a working copy is shown; its post decides when it goes. */
export function copyExpiry({ send_at }: Pick<Job, 'send_at'>): Date {
  return new Date(Math.max(Date.now(), send_at.getTime()) + DAY_MS);
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
