// Begins a deletion in one transaction, after which nobody can sign in or act as this creator.
import type { Knex } from 'knex';
import { removeAccess } from '../access/keys.ts';
import { withQueryLimit } from '../base/bounded-client.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';
import { markLeaving } from '../creators/leaving.ts';
import { noCreator } from '../creators/store.ts';
import { cancelAllJobs } from '../jobs/transitions.ts';
import { queueChore } from '../queue/queue.ts';
import { type Deletion, findByCreator, insertDeletion, type Method } from './store.ts';

export const EXECUTE = 'deletion.execute';

/**
 * Marks the creator as leaving, ends sessions and keys, cancels the posts that TikTok does not have
 * yet, and queues the execution. All of it happens in one transaction, and `also` runs in it too.
 * For a creator who is leaving already it returns the deletion that is under way.
 * @throws Problem `not_found` when there is no such creator.
 */
export async function requestDeletion(
  ctx: Context,
  creatorId: string,
  method: Method,
  also: (trx: Knex, deletion: Deletion) => Promise<void> = async () => {},
): Promise<Deletion> {
  const request = async (trx: Knex) => {
    const leaver = await markLeaving(trx, creatorId);
    if (!leaver) {
      const known = await findByCreator(trx, creatorId);
      if (!known) throw noCreator();
      await also(trx, known);
      return known;
    }
    const { cancelled, seen_through } = await cancelAllJobs(trx, creatorId);
    const rows = await removeAccess(trx, creatorId);
    const receipt = { rows, jobs_cancelled: cancelled, jobs_seen_through: seen_through };
    const inserted = await insertDeletion(ctx, trx, { method, who: leaver, receipt });
    await queueExecution(trx, inserted.id);
    await also(trx, inserted);
    return inserted;
  };
  const deletion = await withQueryLimit(QUERY_LIMITS.allPosts, () => ctx.db.transaction(request));
  ctx.log.info({ event: 'deletion.requested', deletion_id: deletion.id, method });
  return deletion;
}

/** Queues the one run of a deletion. A run that waits already is moved to `runAt`. */
export async function queueExecution(trx: Knex, deletionId: string, runAt?: Date): Promise<void> {
  await queueChore(trx, {
    ...{ name: EXECUTE, key: `deletion:${deletionId}`, runAt },
    payload: { deletion_id: deletionId },
  });
}
