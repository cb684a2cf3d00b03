// The SQL that sums up stored files, for one creator and for all.
import type { Knex } from 'knex';

/** A number of files, and their bytes together. */
export interface StoredSum {
  files: number;
  bytes: number;
}

/** Returns what a creator has stored, and how much of unfinished uploads has arrived. */
export async function sumUsage(
  db: Knex,
  creatorId: string,
): Promise<{ media: StoredSum; unfinished: StoredSum }> {
  const { rows } = await db.raw(
    `select (select count(*) from media where creator_id = :creator_id) as files,
            (select coalesce(sum(bytes), 0) from media where creator_id = :creator_id) as bytes,
            count(*) as uploads, coalesce(sum(received), 0) as received
       from uploads where creator_id = :creator_id and finished_at is null`,
    { creator_id: creatorId },
  );
  const { files, bytes, uploads, received } = rows[0];
  return {
    media: { files: Number(files), bytes: Number(bytes) },
    unfinished: { files: Number(uploads), bytes: Number(received) },
  };
}

/** Returns everything that a creator has stored, finished or not. */
export async function sumMedia(db: Knex, creatorId: string): Promise<StoredSum> {
  const { media, unfinished } = await sumUsage(db, creatorId);
  return {
    files: media.files + unfinished.files,
    bytes: media.bytes + unfinished.bytes,
  };
}

/** Returns the bytes of all creators together. */
export async function sumAll(db: Knex): Promise<number> {
  const { rows } = await db.raw(
    `select (select coalesce(sum(bytes), 0) from media)
          + (select coalesce(sum(bytes), 0) from upload_parts) as bytes`,
  );
  return Number(rows[0].bytes);
}
