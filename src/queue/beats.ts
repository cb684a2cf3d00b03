// Beats for all worker pools of this process, in one statement on a connection of its own.
import { openDatabase } from '../base/database.ts';
import { beat, registerPool } from './heartbeat.ts';
import type { PoolName } from './pool-names.ts';
import type { QueueContext } from './queue.ts';

export interface BeatingPool {
  id: string;
  name: PoolName;
  /** For how long it has not looked for work although it could take some. */
  countStuckMs(): number;
  /** Others have taken over its work. */
  die(): void;
}

export interface Beats {
  /** Enters the pool in the database; it beats from then on. */
  add(pool: BeatingPool): Promise<void>;
  remove(poolId: string): void;
  stop(): Promise<void>;
}

/** One connection is enough, and its short limit says nothing about the others. */
export function startBeats(queue: QueueContext): Beats {
  const { beatMs, beatQueryMs } = queue.timing;
  const db = openDatabase(queue.connection, { limitMs: beatQueryMs, isHasty: true });
  const pools = new Map<string, BeatingPool>();
  const beatOnce = async () => {
    const beating = [...pools.values()];
    const { alive, databaseMs } = await beat(
      db,
      beating.map((pool) => ({ poolId: pool.id, lookedMs: pool.countStuckMs() })),
    );
    queue.databaseContact.recordAnswer(databaseMs);
    for (const pool of beating) {
      // `delete`: a pool that was removed meanwhile is not in the database either.
      if (!alive.has(pool.id) && pools.delete(pool.id)) pool.die();
    }
  };
  let isBusy = false;
  const timer = setInterval(async () => {
    if (isBusy) return;
    isBusy = true;
    // Once more at once, since only the connection may be dead; then the next beat tries.
    await beatOnce().catch(() => beatOnce().catch(() => {}));
    isBusy = false;
  }, beatMs);
  return {
    async add(pool) {
      await registerPool(db, pool.id, pool.name);
      pools.set(pool.id, pool);
    },
    remove(poolId) {
      pools.delete(poolId);
    },
    async stop() {
      clearInterval(timer);
      await db.destroy();
    },
  };
}
