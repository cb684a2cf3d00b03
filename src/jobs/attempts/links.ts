// The SQL of the addresses that TikTok pulls photos from. A row is the permission to pull.
import type { Knex } from 'knex';
import { randomToken, sha256 } from '../../base/secrets.ts';

/** A file that TikTok is to pull. */
export interface LinkedFile {
  position: number;
  storage_key: string;
  content_type: string;
  bytes: number;
}

/** TikTok gives up an hour after it began to pull; half an hour more, for its queue and our clocks. */
const LIFE = '90 minutes';

/** New addresses in the place of the job's old ones; answers the tokens, which are stored as hashes alone. */
export async function replaceLinks(
  trx: Knex,
  jobId: string,
  files: LinkedFile[],
): Promise<string[]> {
  await removeLinks(trx, [jobId]);
  const tokens = files.map(() => randomToken());
  await trx('photo_links').insert(
    files.map((file, index) => ({
      ...file,
      token_hash: sha256(tokens[index] as string),
      job_id: jobId,
      expires_at: trx.raw('clock_timestamp() + ?::interval', [LIFE]),
    })),
  );
  return tokens;
}

/** From this commit on every one of them answers 404. */
export async function removeLinks(trx: Knex, jobIds: string[]): Promise<void> {
  await trx('photo_links').whereRaw('job_id = any(?)', [jobIds]).delete();
}

/**
 * Whether TikTok may have any of the job's photos. Their rows are locked first: a fetch that is being
 * noted is waited for and seen, and none is noted until the caller's transaction ends. No rows at all
 * tell nothing (a restored backup), so that means yes.
 */
export async function mayBeFetched(trx: Knex, jobId: string): Promise<boolean> {
  await trx('photo_links')
    .where({ job_id: jobId })
    .orderBy('position')
    .forUpdate()
    .select('position');
  const rows = await trx('photo_links').where({ job_id: jobId }).select('fetched_at');
  return rows.length === 0 || rows.some(({ fetched_at }) => fetched_at !== null);
}

/** Notes, and commits, that it is being fetched; undefined when there is no such address (any more). */
export async function takeLink(
  db: Knex,
  token: string,
): Promise<Pick<LinkedFile, 'storage_key' | 'content_type' | 'bytes'> | undefined> {
  const [row] = await db('photo_links')
    .where({ token_hash: sha256(token) })
    .whereRaw('expires_at > clock_timestamp()')
    .update({ fetched_at: db.raw('coalesce(fetched_at, clock_timestamp())') })
    .returning(['storage_key', 'content_type', 'bytes']);
  return row;
}
