// The heartbeat of worker pools: who is alive, who is declared dead, and what the dead held.
import type { QueueContext } from './queue.ts';
import { findUnownedLocks, unlockPools } from './repair.ts';

/** The reason with which a pool's steps are aborted: they throw, and never return. */
export class DeclaredDead extends Error {
  override name = 'DeclaredDead';
}

export async function registerPool(
  queue: QueueContext,
  poolId: string,
  kind: string,
): Promise<void> {
  await queue.db('worker_pools').insert({ pool_id: poolId, lane: kind });
}

export async function unregisterPool(queue: QueueContext, poolId: string): Promise<void> {
  await queue.db.transaction(async (trx) => {
    await unlockPools(trx, [poolId]);
    await trx('worker_pools').where({ pool_id: poolId }).delete();
  });
}

/** False: this pool was declared dead, and must never again work under its id. */
export async function beat(queue: QueueContext, poolId: string): Promise<boolean> {
  const beats = await queue
    .db('worker_pools')
    .where({ pool_id: poolId, declared_dead: false })
    .update({ beat_at: queue.db.fn.now() });
  return beats === 1;
}

/** Whether any worker of this instance beats. */
export async function hasLivingWorker(queue: QueueContext): Promise<boolean> {
  const row = await queue
    .db('worker_pools')
    .where({ declared_dead: false })
    .whereRaw("beat_at > now() - ? * interval '1 millisecond'", [queue.timing.silentMs])
    .first('pool_id');
  return row !== undefined;
}

/** Declares silent pools dead and frees what they held; nobody after an outage of the database. */
export async function reapDeadPools(queue: QueueContext): Promise<string[]> {
  if (!queue.databaseContact.isSteady()) return [];
  return declareDead(queue, queue.timing.silentMs);
}

/**
 * Declares every pool dead that has been silent for so long, and frees what they held, in one
 * transaction. With an embedded database this process is the only one there can be, so at its
 * start every pool is a dead one's and `silentMs` is 0.
 */
export async function declareDead(queue: QueueContext, silentMs: number): Promise<string[]> {
  return queue.db.transaction(async (trx) => {
    const dead = await trx('worker_pools')
      .where({ declared_dead: false })
      .whereRaw("beat_at <= now() - ? * interval '1 millisecond'", [silentMs])
      .update({ declared_dead: true })
      .returning('pool_id');
    const ids = dead.map((row) => row.pool_id as string);
    // Also what is held under an id that nobody living bears: a pool may die before it is entered
    // here, or take one more run after it was declared dead.
    await unlockPools(trx, [...ids, ...(await findUnownedLocks(trx, silentMs))]);
    // A stopped process may wake up days later and must still find that it was declared dead.
    await trx('worker_pools')
      .where({ declared_dead: true })
      .whereRaw("beat_at < now() - interval '30 days'")
      .delete();
    return ids;
  });
}
