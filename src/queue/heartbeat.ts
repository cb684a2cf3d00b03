// The heartbeat of worker pools: who is alive, who is declared dead, and what the dead held.
import type { Knex } from 'knex';
import { readDatabaseTime } from '../base/database-time.ts';
import { POOL_NAMES, type PoolName } from './pool-names.ts';
import type { QueueContext } from './queue.ts';
import { findUnownedLocks, isAlone, REAPER_LOCK, unlockPools } from './repair.ts';

/** The reason with which a pool's steps are aborted: they throw, and never return. */
export class DeclaredDead extends Error {
  override name = 'DeclaredDead';
}

export async function registerPool(db: Knex, poolId: string, name: PoolName): Promise<void> {
  await db('worker_pools').insert({ pool_id: poolId, lane: name });
}

export async function unregisterPool(queue: QueueContext, poolId: string): Promise<void> {
  await queue.db.transaction(async (trx) => {
    await unlockPools(trx, [poolId]);
    await trx('worker_pools').where({ pool_id: poolId }).delete();
  });
}

/** A living pool, and for how long it has not looked for work although it could take some. */
export interface Beating {
  poolId: string;
  lookedMs: number;
}

/**
 * Says that these pools are alive, in one statement. The pools that are not among `alive` were
 * declared dead, and must never again work under their ids.
 */
export async function beat(
  db: Knex,
  pools: Beating[],
): Promise<{ alive: Set<string>; databaseMs: number }> {
  const { rows } = await db.raw(
    `with given as (select * from unnest(?::text[], ?::float8[]) as given(pool_id, looked_ms)),
       beating as (
         update worker_pools pools
            set beat_at = clock_timestamp(),
                looked_at = clock_timestamp() - given.looked_ms * interval '1 millisecond'
           from given where pools.pool_id = given.pool_id and not pools.declared_dead
         returning pools.pool_id)
     select extract(epoch from clock_timestamp())::float8 * 1000 as database_ms,
            array(select pool_id from beating) as alive`,
    [pools.map(({ poolId }) => poolId), pools.map(({ lookedMs }) => lookedMs)],
  );
  return { alive: new Set(rows[0].alive), databaseMs: rows[0].database_ms };
}

/**
 * Whether each kind of work has a pool that beats, and that looked for work when it last beat. A
 * pool that does not look is replaced after `stuckMs`; this says so before.
 */
export async function hasLivingWorkers(queue: QueueContext): Promise<boolean> {
  const { silentMs, stuckMs } = queue.timing;
  const { rows } = await queue.db.raw(
    `select count(distinct lane)::int as count from worker_pools
      where not declared_dead and lane = any(:names)
        and beat_at > clock_timestamp() - :silentMs * interval '1 millisecond'
        and looked_at > beat_at - :lookedMs * interval '1 millisecond'`,
    { names: [...POOL_NAMES], silentMs, lookedMs: stuckMs / 2 },
  );
  return rows[0].count === POOL_NAMES.length;
}

/** Declares silent pools dead and frees what they held; nobody after an outage of the database. */
export async function reapDeadPools(queue: QueueContext): Promise<string[]> {
  const databaseMs = (await readDatabaseTime(queue.db)).getTime();
  if (!queue.databaseContact.isSteady(databaseMs)) return [];
  return declareDead(queue, queue.timing.silentMs);
}

/**
 * Declares every pool dead that has been silent for so long, and frees what they held, in one
 * transaction. With an embedded database this process is the only one there can be, so at its
 * start every pool is a dead one's and `silentMs` is 0.
 */
export async function declareDead(queue: QueueContext, silentMs: number): Promise<string[]> {
  return queue.db.transaction(async (trx) => {
    if (!(await isAlone(trx, REAPER_LOCK))) return [];
    const dead = await trx('worker_pools')
      .where({ declared_dead: false })
      .whereRaw("beat_at <= clock_timestamp() - ? * interval '1 millisecond'", [silentMs])
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
