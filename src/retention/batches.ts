// Paces retention: small batches, a rest after each, and a time limit for each kind of thing.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context/context.ts';
import { keepAlive, recordSweep } from './store.ts';

export const BATCH = 100;
// The limit for each kind in a run. It is short so that no kind delays another or a post that is due.
const BUDGET_MS = 5_000;
const REST_MS = { least: 20, most: 1_000 };

export type Transaction = Parameters<Parameters<Context['db']['transaction']>[0]>[0];

export interface Pace {
  signal: AbortSignal;
  /** Whether the time is over or the process stops. */
  isOver(): boolean;
  /** Waits as long as the batch took, so that retention uses at most half of the machine's time. */
  rest(batchMs: number): Promise<void>;
}

export function createPace(signal: AbortSignal, budgetMs = BUDGET_MS): Pace {
  const endsAt = performance.now() + budgetMs;
  return {
    signal,
    isOver: () => signal.aborted || performance.now() >= endsAt,
    async rest(batchMs) {
      const ms = Math.min(REST_MS.most, Math.max(REST_MS.least, batchMs));
      await sleep(ms, undefined, { signal }).catch(() => {});
    },
  };
}

/** What one batch removed. `isLast`: nothing more of this kind is left. */
export interface Batch {
  removed: number;
  bytes: number;
  isLast: boolean;
}

export type Database = Context['db'];
/** Adds to the sweep's row of this kind, in the transaction that removes if there is one. */
type RecordRemoval = (db: Database, removed: Omit<Batch, 'isLast'>) => Promise<void>;

/** Removes one kind of thing, batch by batch, and records it. Returns whether nothing is left. */
export async function inBatches(
  pace: Pace,
  what: string,
  removeBatch: (recordRemoval: RecordRemoval) => Promise<Pick<Batch, 'isLast'>>,
): Promise<boolean> {
  const startedAt = performance.now();
  let line: number | null = null;
  while (!pace.isOver()) {
    const batchAt = performance.now();
    const { isLast } = await removeBatch(async (db, { removed, bytes }) => {
      const ms = Math.round(performance.now() - startedAt);
      if (removed > 0) line = await recordSweep(db, line, { what, removed, bytes, ms });
    });
    if (isLast) return true;
    await pace.rest(performance.now() - batchAt);
  }
  return false;
}

/** Removes and records each batch in one transaction, so that a kill separates neither. */
export async function inTransactions(
  ctx: Context,
  pace: Pace,
  what: string,
  removeBatch: (trx: Transaction) => Promise<Batch>,
): Promise<boolean> {
  return inBatches(pace, what, (recordRemoval) =>
    ctx.db.transaction(async (trx) => {
      // The batch may wait for a slow disk under its locks, which must not end as idle.
      const batch = await keepAlive(trx, () => removeBatch(trx));
      await recordRemoval(trx, batch);
      return batch;
    }),
  );
}

/** Removes in one go what lies outside the database, then records it. */
export async function atOnce(
  ctx: Context,
  pace: Pace,
  what: string,
  remove: () => Promise<Omit<Batch, 'isLast'>>,
): Promise<void> {
  await inBatches(pace, what, async (recordRemoval) => {
    await recordRemoval(ctx.db, await remove());
    return { isLast: true };
  });
}
