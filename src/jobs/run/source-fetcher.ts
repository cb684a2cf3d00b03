// Fetches the media of one run from its source; a creator's slow sources do not hold up others'.
import type { Knex } from 'knex';
import { lockName } from '../../base/database.ts';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { readModuleSettings } from '../../context/create-context.ts';
import { downloadSource } from '../../media/download-source.ts';
import { Later } from '../../queue/later.ts';
import type { Job } from '../job.ts';
import { listSources } from '../source.ts';
import { fencedUpdate } from './fence.ts';
import type { JobRun } from './job-run.ts';
import { countOtherFetches } from './runs.ts';
import type { StepContext } from './step.ts';

/** Of one creator. */
const FETCHES_AT_ONCE = 2;

/** What it returns throws Later while enough others of the creator are being fetched. */
export function createSourceFetcher(ctx: Context, run: JobRun): StepContext['fetchSource'] {
  const { job, signal } = run;
  let hasBegun = false;
  const log = ctx.log.child({ job_id: job.id });
  return async ({ source: name, source_request: request }, kind, progress) => {
    const found = listSources(ctx.modules).get(name);
    const fetch = found?.source.fetch;
    if (!fetch) throw notOffered(name);
    hasBegun ||= await beginFetching(ctx.db, job, FETCHES_AT_ONCE);
    if (!hasBegun) throw Later.in(ctx.timing.fetchLaterMs);
    return downloadSource(ctx, job, {
      ...{ kind, signal, progress, log },
      settings: readModuleSettings(ctx.config, found.module),
      open: (context) => fetch.call(found.source, request, context),
    });
  };
}

/** Its plugin was removed after the post had been accepted. */
function notOffered(name: string): Problem {
  return new Problem('fetch_failed', `This instance has no media source ${name} any more.`);
}

/**
 * Marks, by its progress, that the job's source is being fetched; false when `most` of its creator's
 * are already. One at a time judges that of a creator, so that waiting ones do not hold off each other.
 */
async function beginFetching(db: Knex, job: Job, most: number): Promise<boolean> {
  return db.transaction(async (trx) => {
    await lockName(trx, `fetching:${job.creator_id}`);
    if ((await countOtherFetches(trx, job, most)) >= most) return false;
    await fencedUpdate(trx, job, { progress: 0 });
    return true;
  });
}
