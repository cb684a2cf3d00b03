// Searches for traces of a deleted creator, and drops who it was once there are none.
import { addToNow } from '../base/database-time.ts';
import { backOff, MINUTE_MS, SECOND_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { hasReturned } from '../creators/leaving.ts';
import { findTraces } from '../privacy/traces.ts';
import { queueRewrite } from './rewrite-store.ts';
import { clearWorkFolders, countOtherDisks } from './scratch.ts';
import { findDeletion, openIdentifiers, type Receipt, updateDeletion } from './store.ts';

const DISKS_AGAIN_MS = 2 * SECOND_MS;

/**
 * Writes `traces: 0` and drops whom the deletion was about, or logs an error for what was found.
 * Returns when to search again, or null when nothing was found.
 * @throws Problem `unavailable` while the storage cannot tell, or keeps what is removed from it.
 */
export async function searchForTraces(ctx: Context, deletionId: string): Promise<Date | null> {
  const deletion = await findDeletion(ctx.db, deletionId);
  const who = deletion && openIdentifiers(ctx, deletion);
  if (!deletion || !who) return null;
  for (const key of who.left_keys) await ctx.storage.remove(key).catch(() => {});
  await clearWorkFolders(ctx, deletion);
  // Whoever has the disk clears it at its next beat, or when its machine starts.
  const others = await countOtherDisks(ctx, deletionId);
  if (others.waiting > 0) return addToNow(DISKS_AGAIN_MS);
  // A bucket that keeps old versions still holds every file that was removed.
  await ctx.storage.open();
  const startedAt = performance.now();
  const isBack = who.open_id !== null && (await hasReturned(ctx.db, who.open_id));
  // A new account of the same person has the same open_id and name; it is no trace of this one.
  const searched = isBack ? { ...who, open_id: null, username: null } : who;
  const { traces, tables } = await findTraces(ctx, searched);
  const count = traces.reduce((sum, trace) => sum + trace.count, 0);
  if (count === 0) {
    await dropIdentifiers(ctx, deletionId, {
      tables_searched: tables,
      search_ms: Math.round(performance.now() - startedAt),
      disks_lost: others.lost,
    });
    ctx.log.info({ event: 'deletion.searched', deletion_id: deletionId });
    return null;
  }
  const faults = deletion.faults + 1;
  await updateDeletion(ctx.db, deletionId, { traces: count, faults });
  ctx.log.error({ event: 'deletion.traces', deletion_id: deletionId, traces });
  const waitMs = backOff(10 * SECOND_MS, 60 * MINUTE_MS, faults);
  return addToNow(waitMs);
}

/**
 * Drops the identifiers, lets modules finish what asked for this deletion, and queues the rewrite of
 * the tables in the same transaction. It comes last, so that what is dropped here goes as well.
 */
async function dropIdentifiers(ctx: Context, id: string, receipt: Receipt): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const changes = { searched_at: trx.fn.now(), traces: 0, sealed_identifiers: null };
    await updateDeletion(trx, id, changes, receipt);
    for (const { afterErase } of ctx.modules) await afterErase?.(trx, id);
    await queueRewrite(ctx, trx, id);
  });
}
