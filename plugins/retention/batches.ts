// The pace of retention: small batches, a rest after each, and an end after its time, however much is left.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, noteSweep } from '#plugin';

export const BATCH = 100;
// For each kind and run: short, so that no kind holds up another, nor a run the posts that are due.
const BUDGET_MS = 5_000;
const REST_MS = { least: 20, most: 1_000 };

type Transaction = Parameters<Parameters<Context['db']['transaction']>[0]>[0];

export interface Pace {
  signal: AbortSignal;
  /** The time is over, or the process stops. */
  isOver(): boolean;
  /** As long as the batch took, so that others have the machine at least half of the time. */
  rest(batch_ms: number): Promise<void>;
}

export function createPace(signal: AbortSignal, budget_ms = BUDGET_MS): Pace {
  const ends_at = Date.now() + budget_ms;
  return {
    signal,
    isOver: () => signal.aborted || Date.now() >= ends_at,
    async rest(batch_ms) {
      const ms = Math.min(REST_MS.most, Math.max(REST_MS.least, batch_ms));
      await sleep(ms, undefined, { signal }).catch(() => {});
    },
  };
}

/** What one batch removed; `is_last`: there is nothing more of the kind. */
export interface Batch {
  removed: number;
  bytes: number;
  is_last: boolean;
}

/**
 * Removes one kind of thing, batch after batch, each in a transaction with what is noted about it:
 * a kill between any two loses neither. Answers whether nothing is left.
 */
export async function inBatches(
  ctx: Context,
  pace: Pace,
  what: string,
  removeBatch: (trx: Transaction) => Promise<Batch>,
): Promise<boolean> {
  const started_at = performance.now();
  let line: number | null = null;
  while (!pace.isOver()) {
    const batch_at = performance.now();
    const { batch, noted } = await ctx.db.transaction(async (trx) => {
      const batch = await removeBatch(trx);
      const ms = Math.round(performance.now() - started_at);
      const { removed, bytes } = batch;
      const noted = removed > 0 ? await noteSweep(trx, line, { what, removed, bytes, ms }) : line;
      return { batch, noted };
    });
    line = noted;
    if (batch.is_last) return true;
    await pace.rest(performance.now() - batch_at);
  }
  return false;
}
