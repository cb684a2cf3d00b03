// The SQL that finds working copies which no post needs any more.
import type { Knex } from 'knex';
import type { EndedFile } from '../media/expiry.ts';

/** The jobs that use a row of `media` as their video or as one of their photos. */
const USERS_OF_FILE = `
  select id from jobs where source_key = media.storage_key
  union all select id from jobs where output_key = media.storage_key
  union all select job_id from job_photos where source_key = media.storage_key
  union all select job_id from job_photos where output_key = media.storage_key`;

/** The files of a job, named by it or by its photos. */
const FILES_OF_JOB = `
  select unnest(array[source_key, output_key]) from jobs where id = :job_id
  union all select unnest(array[source_key, output_key]) from job_photos where job_id = :job_id`;

/**
 * Locks and returns working copies whose post is finished or cancelled, or failed or became
 * unconfirmed a day ago, or does not exist. A copy without a post must be an hour old, since it is
 * registered a moment before its post names it. With `jobId`, only that
 * post's.
 */
export async function lockEndedCopies(
  trx: Knex,
  after: Pick<EndedFile, 'storage_key'> | null,
  { limit, jobId }: { limit: number; jobId?: string | undefined },
): Promise<EndedFile[]> {
  const { rows } = await trx.raw(
    `select storage_key, bytes, expires_at::text as ended_at from media
      where purpose = 'working' and storage_key > :after
        ${jobId ? `and storage_key = any (array(${FILES_OF_JOB}))` : ''}
        and (select coalesce(
               bool_and(jobs.state in ('finished', 'cancelled')
                 or jobs.state in ('failed', 'unconfirmed')
                    and jobs.finished_at < now() - interval '24 hours'),
               media.created_at < now() - interval '1 hour')
             from jobs where id in (${USERS_OF_FILE}))
      order by storage_key limit :limit for update skip locked`,
    { after: after?.storage_key ?? '', limit, ...(jobId ? { job_id: jobId } : {}) },
  );
  return rows;
}
