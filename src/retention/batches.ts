// The pace of retention: small batches, a rest after each, and an end after its time, however much is left.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context/context.ts';
import { recordSweep, touched } from './store.ts';

export const BATCH = 100;
// For each kind and run: short, so that no kind holds up another, nor a run the posts that are due.
const BUDGET_MS = 5_000;
const REST_MS = { least: 20, most: 1_000 };

export type Transaction = Parameters<Parameters<Context['db']['transaction']>[0]>[0];

export interface Pace {
  signal: AbortSignal;
  /** The time is over, or the process stops. */
  isOver(): boolean;
  /** As long as the batch took, so that others have the machine at least half of the time. */
  rest(batchMs: number): Promise<void>;
}

export function createPace(signal: AbortSignal, budgetMs = BUDGET_MS): Pace {
  const endsAt = Date.now() + budgetMs;
  return {
    signal,
    isOver: () => signal.aborted || Date.now() >= endsAt,
    async rest(batchMs) {
      const ms = Math.min(REST_MS.most, Math.max(REST_MS.least, batchMs));
      await sleep(ms, undefined, { signal }).catch(() => {});
    },
  };
}

/** What one batch removed; `isLast`: there is nothing more of the kind. */
export interface Batch {
  removed: number;
  bytes: number;
  isLast: boolean;
}

export type Database = Context['db'];
/** Adds to the line of a kind, in the transaction that removes where there is one. */
type RecordRemoval = (db: Database, removed: Omit<Batch, 'isLast'>) => Promise<void>;

/**
 * Removes one kind of thing, batch after batch, and each notes what it removed. Answers whether
 * nothing is left.
 */
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

/** Each batch in a transaction with what is noted about it: a kill between any two loses neither. */
export async function inTransactions(
  ctx: Context,
  pace: Pace,
  what: string,
  removeBatch: (trx: Transaction) => Promise<Batch>,
): Promise<boolean> {
  return inBatches(pace, what, (recordRemoval) =>
    ctx.db.transaction(async (trx) => {
      // Files of locked rows are removed under the lock, however slow the disk is.
      const batch = await touched(trx, () => removeBatch(trx));
      await recordRemoval(trx, batch);
      return batch;
    }),
  );
}

/** What is removed in one go and outside the database; noted when it is gone. */
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
