// Keeps a failed post from being sent again that a later try, which the database lacks, may have made.
import type { Knex } from 'knex';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { lockJob } from './store.ts';
import { moveJob } from './transitions.ts';
import { SINCE_LOST } from './whether-posted.ts';

/** The line of a timeline that says that changes since are lost. */
export const LOST = { name: 'restored', details: { may_be_posted: true } };

/**
 * A failed post may have been tried again and made, which this database lacks. Before it is tried once
 * more it becomes `unconfirmed`, and its creator says which it was.
 * @throws Problem `state_conflict`.
 */
export async function assertNothingLost(
  ctx: Context,
  creatorId: string,
  id: string,
): Promise<void> {
  const isInDoubt = await ctx.db.transaction(async (trx) => {
    const job = await lockJob(trx, creatorId, id);
    if (job.state !== 'failed' || !(await mayLackTry(trx, id))) return false;
    await moveJob(trx, job, { state: 'unconfirmed', error: SINCE_LOST }, LOST);
    return true;
  });
  if (isInDoubt) throw new Problem('state_conflict', SINCE_LOST.message);
}

/** Whether the database lost changes since the post was last tried, or its end last told. */
async function mayLackTry(trx: Knex, id: string): Promise<boolean> {
  const last = await trx('job_events')
    .where({ job_id: id })
    .whereIn('name', [LOST.name, 'retried', 'resolved'])
    .orderBy('id', 'desc')
    .first('name', 'details');
  return last?.name === LOST.name && last.details.may_be_posted === true;
}
