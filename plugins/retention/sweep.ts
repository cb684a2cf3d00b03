// retention.sweep: every five minutes, all that has reached its end, kind by kind, as far as the time goes.
import {
  type Context,
  declaredTables,
  type Ending,
  isAlone,
  queueChore,
  removeEnded,
  SWEEP_LOCK,
} from '#plugin';
import { removeDormant } from './accounts.ts';
import { BATCH, createPace, inBatches, type Pace } from './batches.ts';
import { removeUploads, removeWorkingCopies } from './files.ts';
import { removeAbandonedScratch } from './scratch.ts';

const SWEEP = 'retention.sweep';

/** One process at a time; a second one finds the lock taken, and leaves. Unfinished, it comes again. */
export async function sweep(ctx: Context, signal: AbortSignal): Promise<void> {
  const is_done = await ctx.db.transaction(async (lock) => {
    if (!(await isAlone(lock, SWEEP_LOCK))) return true;
    return sweepAll(ctx, signal);
  });
  if (!is_done) await queueChore(ctx.db, SWEEP, SWEEP);
}

/** For a post that has just ended: the sweep finds the same copies, some minutes later. */
export async function removeCopies(ctx: Context, signal: AbortSignal): Promise<void> {
  await removeWorkingCopies(ctx, createPace(signal));
}

/** Each kind has its own time. Answers whether nothing is left of any. */
async function sweepAll(ctx: Context, signal: AbortSignal): Promise<boolean> {
  const pace = () => createPace(signal);
  await removeDormant(ctx, pace());
  await inBatches(ctx, pace(), 'unfinished_uploads', async () => ({
    ...(await ctx.storage.removeAbandoned()),
    is_last: true,
  }));
  await inBatches(ctx, pace(), 'scratch', () => removeAbandonedScratch(ctx));
  let is_done = await removeWorkingCopies(ctx, pace());
  for (const ending of endingsOf(ctx)) {
    is_done = (await removeRowsOf(ctx, pace(), ending)) && is_done;
  }
  return (await removeUploads(ctx, pace())) && is_done;
}

/** Every table whose declaration says when its rows end. */
function endingsOf(ctx: Context): Ending[] {
  return Object.entries(declaredTables(ctx.modules)).flatMap(([table, { ends }]) =>
    ends ? [{ table, term: ends }] : [],
  );
}

function removeRowsOf(ctx: Context, pace: Pace, ending: Ending): Promise<boolean> {
  return inBatches(ctx, pace, ending.table, async (trx) => {
    const removed = await removeEnded(trx, ending, ctx.config, BATCH);
    return { removed, bytes: 0, is_last: removed < BATCH };
  });
}
