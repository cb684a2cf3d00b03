// Fills tables and storage with many posts and small files, directly and not through the API.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { randomToken } from '../../src/base/secrets.ts';

/** Writes files of a few bytes into the storage's folders, and returns their keys. */
export function seedFiles(dataDir: string, count: number): string[] {
  const keys = Array.from({ length: count }, () => randomToken(190));
  for (const key of keys) {
    const folder = join(dataDir, 'media', key.slice(0, 2));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, key), 'a file');
  }
  return keys;
}

/** Inserts the rows of these files. */
export async function seedUploads(
  db: Knex,
  creatorId: string,
  keys: string[],
  expiresAt: Date,
): Promise<void> {
  await db.raw(
    `insert into media (storage_key, creator_id, purpose, content_type, bytes, sha256, facts, expires_at)
     select key, ?, 'upload', 'video/mp4', 6, 'x', '{}', ? from unnest(?::text[]) as key`,
    [creatorId, expiresAt, keys],
  );
}

/** Inserts finished posts of these uploads, each with four events, a consent and an attempt. */
export async function seedJobs(
  db: Knex,
  creatorId: string,
  count: number,
  keys: string[],
): Promise<void> {
  await db.raw(
    `insert into jobs (creator_id, mode, state, title, destination, settings, source_key, output_key,
        publish_id, post_ids, send_at, created_at, finished_at)
     select ?, 'now', 'finished', 'A caption number ' || n, 'direct', '{"allow_comment": true}',
        (?::text[])[1 + n % ?], (?::text[])[1 + n % ?], md5(random()::text || n), array[n::text],
        now() - n * interval '1 minute', now() - n * interval '1 minute', now() - n * interval '1 minute'
       from generate_series(1, ?) as n`,
    [creatorId, keys, keys.length, keys, keys.length, count],
  );
  await db.raw(
    `insert into job_events (job_id, name, details)
     select id, name, '{}' from jobs, unnest(array['accepted', 'prepared', 'sent', 'finished']) as name
      where creator_id = ?`,
    [creatorId],
  );
  await db.raw(
    `insert into consents (job_id, given_through, declaration, title, settings)
     select id, 'api', 'Yes, post this.', title, settings from jobs where creator_id = ?`,
    [creatorId],
  );
  await db.raw(
    `insert into publish_attempts (job_id, number, bytes, publish_id, closed_at)
     select id, 1, 6, publish_id, finished_at from jobs where creator_id = ?`,
    [creatorId],
  );
}
