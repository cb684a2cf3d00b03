// The heartbeat of worker pools: who is alive, who is declared dead, and what the dead held.
import type { Context } from './context.ts';
import { unlockPools } from './queue.ts';

const SILENT_SECONDS = 20;
const CHANCE_TO_BEAT_MS = 15_000;

export async function registerPool(ctx: Context, pool_id: string, lane: string): Promise<void> {
  await ctx.db('worker_pools').insert({ pool_id, lane });
}

export async function unregisterPool(ctx: Context, pool_id: string): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    await unlockPools(trx, [pool_id]);
    await trx('worker_pools').where({ pool_id }).delete();
  });
}

/** False: this pool was declared dead, and must never again work under its id. */
export async function beat(ctx: Context, pool_id: string): Promise<boolean> {
  const beats = await ctx
    .db('worker_pools')
    .where({ pool_id, declared_dead: false })
    .update({ beat_at: ctx.db.fn.now() });
  return beats === 1;
}

/** Whether any worker of this instance beats. */
export async function hasLivingWorker(ctx: Context): Promise<boolean> {
  const row = await ctx
    .db('worker_pools')
    .where({ declared_dead: false })
    .whereRaw("beat_at > now() - ? * interval '1 second'", [SILENT_SECONDS])
    .first('pool_id');
  return row !== undefined;
}

let database_back_since = 0;
let is_database_away = true;

/** Told of each try to reach the database, so that nobody is declared dead for its outage. */
export function noteDatabase(is_reachable: boolean): void {
  if (is_reachable && is_database_away) database_back_since = Date.now();
  is_database_away = !is_reachable;
}

/** Declares silent pools dead and frees what they held, in one transaction. */
export async function buryTheDead(ctx: Context): Promise<string[]> {
  if (is_database_away || Date.now() - database_back_since < CHANCE_TO_BEAT_MS) return [];
  return declareDead(ctx, SILENT_SECONDS);
}

/**
 * With an embedded database this process is the only one there can be, so at start every pool is
 * a dead one's and nobody needs to wait.
 */
export async function declareDead(ctx: Context, silent_seconds: number): Promise<string[]> {
  return ctx.db.transaction(async (trx) => {
    const dead = await trx('worker_pools')
      .where({ declared_dead: false })
      .whereRaw("beat_at <= now() - ? * interval '1 second'", [silent_seconds])
      .update({ declared_dead: true })
      .returning('pool_id');
    const ids = dead.map((row) => row.pool_id as string);
    await unlockPools(trx, ids);
    // A stopped process may wake up days later and must still find that it was declared dead.
    await trx('worker_pools')
      .where({ declared_dead: true })
      .whereRaw("beat_at < now() - interval '30 days'")
      .delete();
    return ids;
  });
}
