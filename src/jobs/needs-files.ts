// The SQL that tells which stored files jobs still use, so that nobody removes those.
import type { Knex } from 'knex';
import type { FileUse } from '../context/context.ts';
import { WORKING_STATES } from './states.ts';

/**
 * Returns the files that a job uses as its video or as one of its photos. `isWorking` is false for an
 * `unconfirmed` job, which may be tried again. The caller has locked the files' rows, so that no new
 * job begins to use one meanwhile.
 */
export async function needsFiles(trx: Knex, storageKeys: string[]): Promise<FileUse[]> {
  const { rows } = await trx.raw(
    `select used.key as storage_key, jobs.id as job_id, jobs.state <> 'unconfirmed' as is_working
       from (
         select source_key as key, id from jobs where source_key = any(:keys)
         union select output_key, id from jobs where output_key = any(:keys)
         union select source_key, job_id from job_photos where source_key = any(:keys)
         union select output_key, job_id from job_photos where output_key = any(:keys)) used
       join jobs on jobs.id = used.id
      where jobs.state = any(:states)`,
    { keys: storageKeys, states: [...WORKING_STATES, 'unconfirmed'] },
  );
  return rows.map((row: { storage_key: string; job_id: string; is_working: boolean }) => ({
    storage_key: row.storage_key,
    job_id: row.job_id,
    isWorking: row.is_working,
  }));
}
