// Settles the jobs of a database that lacks what happened last, so that none is posted twice.
import type { Knex } from 'knex';
import { withQueryLimit } from '../base/bounded-client.ts';
import { json, lockName } from '../base/database.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';
import { DatabaseBroken } from '../continuity/continuity.ts';
import { unqueueAll } from '../queue/queue.ts';
import { markOpened } from './attempts/doubt.ts';
import { LOST } from './nothing-lost.ts';
import { type State, WORKING_STATES } from './states.ts';
import { insertEvents } from './store.ts';
import { SINCE_LOST } from './whether-posted.ts';

/** Compares the database with the storage where that is due, and settles the jobs if it must. */
export async function watchDatabase(ctx: Context): Promise<void> {
  if (ctx.continuity.isDue(ctx.databaseContact.countOutages())) await secureOrSettle(ctx);
}

/**
 * Also before the first request and the first step. Until then the storage may know nothing of the
 * database, so this writes how far it has come.
 */
export async function secureOrSettle(ctx: Context): Promise<void> {
  try {
    await ctx.continuity.secure();
  } catch (error) {
    if (!(error instanceof DatabaseBroken)) throw error;
    await settleIfBroken(ctx);
    await ctx.continuity.secure();
  }
}

/** Ends all unsent posts as `unconfirmed` if the database is not as it was left. */
async function settleIfBroken(ctx: Context): Promise<void> {
  const settle = async (trx: Knex) => {
    await lockName(trx, 'settle');
    // Another process may have settled them meanwhile.
    const reason = await ctx.continuity.findBreak();
    if (!reason) return;
    const { unconfirmed } = await settleJobs(trx);
    await ctx.continuity.adopt(trx);
    ctx.log.error({
      ...{ event: 'database.settled', reason, unconfirmed },
      message:
        'The database is another one, or lacks its last changes: it was restored, or a replica that lagged took over. Posts may have been made that it does not know of, so nothing is sent before its creator has looked.',
    });
  };
  await withQueryLimit(QUERY_LIMITS.allPosts, () => ctx.db.transaction(settle));
}

/**
 * Ends every unsent post as `unconfirmed`, also one whose time is still to come: it can have been moved
 * earlier and made since. Its creator says which it was, and TikTok is asked first where it has an id. A
 * failed post stays so until somebody wants to try it again.
 */
export async function settleJobs(trx: Knex): Promise<{ unconfirmed: number }> {
  const ids = await lockAll(trx, WORKING_STATES);
  await trx('jobs')
    .whereRaw('id = any(?)', [ids])
    .update({
      ...{ state: 'unconfirmed', error: json(SINCE_LOST), run_token: null, progress: null },
      ...{ finished_at: trx.fn.now(), updated_at: trx.fn.now() },
    });
  await markOpened(trx, ids);
  await unqueueAll(trx, ids);
  const failed = await lockAll(trx, ['failed']);
  await insertEvents(trx, [...ids, ...failed], LOST.name, LOST.details);
  return { unconfirmed: ids.length };
}

async function lockAll(trx: Knex, states: readonly State[]): Promise<string[]> {
  return trx('jobs').whereIn('state', states).orderBy('id').forUpdate().pluck('id');
}
