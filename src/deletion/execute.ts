// Executes a deletion (deletion.execute) in steps that may all run again after a crash.
import { addToNow, databaseNow, measureSince } from '../base/database-time.ts';
import { MINUTE_MS, SECOND_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { countHeldRuns } from '../jobs/run/runs.ts';
import { countWorking } from '../jobs/stats.ts';
import { fenceOff } from '../jobs/transitions.ts';
import type { Identifiers } from '../privacy/traces.ts';
import { findQueuedKeys } from '../queue/queue.ts';
import { erase } from './erase.ts';
import { recordDeletion } from './ledger.ts';
import { queueExecution } from './request.ts';
import { takeGrantOver, tryDueRevocations, tryRevocation } from './revoke.ts';
import { listOwedRewrites, oweForgotten, queueRewriteAt, REWRITE } from './rewrite-store.ts';
import { searchForTraces } from './search.ts';
import {
  type Deletion,
  findDeletion,
  listUnfinishedDeletions,
  openIdentifiers,
  updateDeletion,
} from './store.ts';

/** How long posts that TikTok has already may go on before their runs lose their fence. */
const SEEN_THROUGH_MS = 5 * MINUTE_MS;
/** A run that lost its fence finds out within this time, so nobody waits longer. */
const QUIET_AT_LAST_MS = 6 * MINUTE_MS;

/** Runs the steps that are left, and queues the next run where one has to wait. */
export async function executeDeletion(
  ctx: Context,
  deletionId: string,
  signal: AbortSignal,
): Promise<void> {
  const deletion = await findDeletion(ctx.db, deletionId);
  if (!deletion || deletion.done_at || deletion.searched_at) return;
  const who = openIdentifiers(ctx, deletion);
  if (!who) throw new Error('Expected an unfinished deletion to know whom it deletes');
  const againAt = await carryOn(ctx, deletion, who, signal);
  if (againAt) await queueExecution(ctx.db, deletionId, againAt);
}

/** Queues every unfinished deletion that has no run, and tries the revocations that are due. */
export async function resumeDeletions(ctx: Context, signal: AbortSignal): Promise<void> {
  const unfinished = await listUnfinishedDeletions(ctx.db);
  const keys = await findQueuedKeys(
    ctx.db,
    unfinished.map(({ id }) => `deletion:${id}`),
  );
  for (const { id } of unfinished) {
    if (!keys.has(`deletion:${id}`)) await queueExecution(ctx.db, id);
  }
  await resumeRewrite(ctx);
  await tryDueRevocations(ctx, signal);
}

/** Queues the rewrite that is due: after a kill, on the monthly day, and for older versions. */
async function resumeRewrite(ctx: Context): Promise<void> {
  const { db } = ctx;
  await oweForgotten(ctx);
  const isOwed = (await listOwedRewrites(db)).length > 0;
  if (isOwed && !(await findQueuedKeys(db, [REWRITE])).has(REWRITE)) {
    await queueRewriteAt(db, databaseNow());
  }
}

/** The steps in their order. Returns when to run again, or null when only the rewrite is left. */
async function carryOn(
  ctx: Context,
  deletion: Deletion,
  who: Identifiers,
  signal: AbortSignal,
): Promise<Date | null> {
  if (!deletion.quiet_at && !(await isQuiet(ctx, deletion, who))) return inOneSecond();
  if (!deletion.recorded_at) await record(ctx, deletion, who);
  if (deletion.revocation === 'waiting' && !(await takeGrantOver(ctx, deletion, who)))
    return inOneSecond();
  if (!deletion.erased_at) {
    // Our own data is erased while TikTok is asked, since its answer may take long.
    const revoking = tryRevocation(ctx, deletion.id, signal).catch((error) => error);
    await erase(ctx, deletion, who, signal);
    const fault = await revoking;
    if (fault instanceof Error) throw fault;
  }
  return searchForTraces(ctx, deletion.id);
}

/** Returns true once no run of the creator's jobs is under way: then nothing writes any more. */
export async function isQuiet(
  ctx: Context,
  deletion: Deletion,
  { creator_id }: Identifiers,
): Promise<boolean> {
  const waited = measureSince(deletion.requested_at);
  if (waited > SEEN_THROUGH_MS) await fenceOff(ctx.db, creator_id);
  const held = await countHeldRuns(ctx.db, creator_id);
  const working = await countWorking(ctx.db, creator_id);
  if ((held > 0 || working > 0) && waited < QUIET_AT_LAST_MS) return false;
  await updateDeletion(ctx.db, deletion.id, { quiet_at: ctx.db.fn.now() });
  return true;
}

/** Writes the deletion into the ledger before anything is erased. */
export async function record(
  ctx: Context,
  deletion: Deletion,
  { creator_id }: Identifiers,
): Promise<void> {
  await recordDeletion(ctx, creator_id);
  await updateDeletion(ctx.db, deletion.id, { recorded_at: ctx.db.fn.now() });
}

function inOneSecond(): Date {
  return addToNow(SECOND_MS);
}
