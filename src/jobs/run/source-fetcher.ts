// Fetches the sources of one run by URL; a creator's slow sources leave room for those of others.
import type { Knex } from 'knex';
import { lockName } from '../../base/database.ts';
import type { Context } from '../../context/context.ts';
import { downloadSource } from '../../media/download-source.ts';
import { Later } from '../../queue/later.ts';
import type { Job } from '../job.ts';
import { fencedUpdate } from './fence.ts';
import type { JobRun } from './job-run.ts';
import type { StepContext } from './step.ts';

/** Of one creator. */
const FETCHES_AT_ONCE = 2;

/** What it returns throws Later while enough others of the creator are being fetched. */
export function createSourceFetcher(ctx: Context, run: JobRun): StepContext['fetchSource'] {
  const { job, signal } = run;
  let hasBegun = false;
  return async (url, kind, progress) => {
    hasBegun ||= await beginFetching(ctx.db, job, FETCHES_AT_ONCE);
    if (!hasBegun) throw Later.in(ctx.timing.fetchLaterMs);
    return downloadSource(ctx, job, url, { kind, signal, progress });
  };
}

/**
 * Marks, by its progress, that the job's source is being fetched; false when `most` of its creator's
 * are already. One at a time judges that of a creator, so that waiting ones do not hold off each other.
 */
async function beginFetching(db: Knex, job: Job, most: number): Promise<boolean> {
  return db.transaction(async (trx) => {
    const { id, creator_id } = job;
    await lockName(trx, `fetching:${creator_id}`);
    const others = await trx('jobs')
      .where({ creator_id, state: 'accepted' })
      .whereNotNull('run_token')
      .whereNotNull('progress')
      .whereNot({ id })
      .limit(most)
      .pluck('id');
    if (others.length >= most) return false;
    await fencedUpdate(trx, job, { progress: 0 });
    return true;
  });
}
