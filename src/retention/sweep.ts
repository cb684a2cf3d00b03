// Removes everything that has reached its end (retention.sweep, every five minutes), kind by kind.
import type { Context } from '../context/context.ts';
import { pruneLedger, pruneLedgerBeside } from '../deletion/ledger.ts';
import { declaredTables } from '../privacy/eraser.ts';
import { queueChore } from '../queue/queue.ts';
import { backupsFolder, removeExpiredBackups } from '../storage/backups.ts';
import { removeDormant } from './accounts.ts';
import { atOnce, BATCH, createPace, inTransactions, type Pace } from './batches.ts';
import { removeSilentUploads, removeUploads, removeWorkingCopies } from './files.ts';
import { removeAbandonedScratch } from './scratch.ts';
import { type Ending, removeEnded, SWEEP_LOCK, whileAlone } from './store.ts';

const SWEEP = 'retention.sweep';

/** Runs in one process at a time. A sweep that ran out of time queues the next one at once. */
export async function sweep(ctx: Context, signal: AbortSignal): Promise<void> {
  const result = await whileAlone(ctx.db, SWEEP_LOCK, async (lost) =>
    (await sweepAll(ctx, AbortSignal.any([signal, lost]))) ? 'done' : 'unfinished',
  );
  if (result === 'unfinished') await queueChore(ctx.db, { name: SWEEP, key: SWEEP });
}

/** Removes the copies of a post that has just ended, some minutes before the sweep would. */
export async function removeCopies(
  ctx: Context,
  jobId: string,
  signal: AbortSignal,
): Promise<void> {
  await removeWorkingCopies(ctx, createPace(signal), jobId);
}

/** Each kind has its own time limit. Returns whether nothing of any kind is left. */
async function sweepAll(ctx: Context, signal: AbortSignal): Promise<boolean> {
  const pace = () => createPace(signal);
  await removeDormant(ctx, pace());
  await atOnce(ctx, pace(), 'unfinished_uploads', () => ctx.storage.removeAbandoned());
  await atOnce(ctx, pace(), 'scratch', () => removeAbandonedScratch(ctx));
  const { DATA_DIR, BACKUP_DAYS } = ctx.config;
  await atOnce(ctx, pace(), 'backups', () =>
    unlessRefused(ctx, { removed: 0, bytes: 0 }, () =>
      removeExpiredBackups(backupsFolder(DATA_DIR), BACKUP_DAYS),
    ),
  );
  let isDone = await removeWorkingCopies(ctx, pace());
  for (const ending of listEndings(ctx)) {
    isDone = (await removeEndedRows(ctx, pace(), ending)) && isDone;
  }
  isDone = (await removeUploads(ctx, pace())) && isDone;
  isDone = (await removeSilentUploads(ctx, pace())) && isDone;
  await atOnce(ctx, pace(), 'ledger_entries', async () => ({
    removed: (await pruneLedger(ctx)) + (await unlessRefused(ctx, 0, () => pruneLedgerBeside(ctx))),
    bytes: 0,
  }));
  return isDone;
}

/** The folder of backups may belong to the user who makes them; an error there stops nothing else. */
async function unlessRefused<T>(ctx: Context, otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    ctx.log.warn({ event: 'retention.backups_left', err: error });
    return otherwise;
  }
}

/** Lists the tables whose declarations say when rows end. */
function listEndings(ctx: Context): Ending[] {
  return Object.entries(declaredTables(ctx.modules)).flatMap(([table, { ends }]) =>
    ends ? [{ table, term: ends }] : [],
  );
}

function removeEndedRows(ctx: Context, pace: Pace, ending: Ending): Promise<boolean> {
  return inTransactions(ctx, pace, ending.table, async (trx) => {
    const removed = await removeEnded(trx, ending, ctx.config, BATCH);
    return { removed, bytes: 0, isLast: removed < BATCH };
  });
}
