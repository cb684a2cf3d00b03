// Searches for traces of a deleted creator, and finishes the deletion once there are none.
import { addToNow } from '../base/database-time.ts';
import { backOff, MINUTE_MS, SECOND_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { hasReturned } from '../creators/leaving.ts';
import { emit } from '../events/emit.ts';
import { findTraces } from '../privacy/traces.ts';
import { findDeletion, openIdentifiers, type Receipt, updateDeletion } from './store.ts';

/**
 * Writes `traces: 0` and drops whom the deletion was about, or logs an error for what was found.
 * Returns when to search again, or null when the deletion is done.
 */
export async function searchAndFinish(ctx: Context, deletionId: string): Promise<Date | null> {
  const deletion = await findDeletion(ctx.db, deletionId);
  const who = deletion && openIdentifiers(ctx, deletion);
  if (!deletion || !who) return null;
  for (const key of who.left_keys) await ctx.storage.remove(key).catch(() => {});
  const startedAt = performance.now();
  const isBack = who.open_id !== null && (await hasReturned(ctx.db, who.open_id));
  // A new account of the same person has the same open_id and name; it is no trace of this one.
  const searched = isBack ? { ...who, open_id: null, username: null } : who;
  const { traces, tables } = await findTraces(ctx, searched);
  const count = traces.reduce((sum, trace) => sum + trace.count, 0);
  if (count === 0) {
    await finishDeletion(ctx, deletionId, {
      tables_searched: tables,
      search_ms: Math.round(performance.now() - startedAt),
    });
    ctx.log.info({ event: 'deletion.done', deletion_id: deletionId });
    return null;
  }
  const faults = deletion.faults + 1;
  await updateDeletion(ctx.db, deletionId, { traces: count, faults });
  ctx.log.error({ event: 'deletion.traces', deletion_id: deletionId, traces });
  const waitMs = backOff(10 * SECOND_MS, 60 * MINUTE_MS, faults);
  return addToNow(waitMs);
}

/** Drops the identifiers, and lets modules finish what asked for this deletion. */
async function finishDeletion(
  { db, modules }: Context,
  id: string,
  receipt: Receipt,
): Promise<void> {
  await db.transaction(async (trx) => {
    const done = { done_at: trx.fn.now(), traces: 0, sealed_identifiers: null };
    await updateDeletion(trx, id, done, receipt);
    await emit(trx, { kind: 'deletion', id }, 'done');
    for (const { afterErase } of modules) await afterErase?.(trx, id);
  });
}
