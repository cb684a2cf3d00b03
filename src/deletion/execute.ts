// deletion.execute: each line may be run again, so a crash anywhere is mended by running it once more.
import { MINUTE_MS, SECOND_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { hasReturned } from '../creators/store.ts';
import { countHeldRuns } from '../jobs/run/runs.ts';
import { countWorking } from '../jobs/stats.ts';
import { fenceOff } from '../jobs/transitions.ts';
import { listStorageKeys } from '../media/store.ts';
import { findTraces, type Identifiers } from '../privacy/traces.ts';
import { findQueuedKeys } from '../queue/queue.ts';
import { recordDeletion } from './ledger.ts';
import { queueExecution } from './request.ts';
import { takeGrantOver, tryDueRevocations, tryRevocation } from './revoke.ts';
import {
  type Deletion,
  eraseCreator,
  findDeletion,
  finishDeletion,
  listUnfinishedDeletions,
  openIdentifiers,
  sealIdentifiers,
  updateDeletion,
} from './store.ts';

/** What TikTok has already is seen through for so long. */
const SEEN_THROUGH_MS = 5 * MINUTE_MS;
/** By then whatever still ran has found its fence gone. */
const QUIET_AT_LAST_MS = 6 * MINUTE_MS;
const FILES_AT_ONCE = 8;

export async function executeDeletion(
  ctx: Context,
  deletionId: string,
  signal: AbortSignal,
): Promise<void> {
  const deletion = await findDeletion(ctx.db, deletionId);
  if (!deletion || deletion.done_at) return;
  const who = openIdentifiers(ctx, deletion);
  if (!who) throw new Error('Expected an unfinished deletion to know whom it deletes');
  const againAt = await carryOn(ctx, deletion, who, signal);
  if (againAt) await queueExecution(ctx.db, deletionId, againAt);
}

/** Gives every unfinished deletion a run, and tries the revocations that are due. */
export async function resumeDeletions(ctx: Context, signal: AbortSignal): Promise<void> {
  const unfinished = await listUnfinishedDeletions(ctx.db);
  const keys = await findQueuedKeys(
    ctx.db,
    unfinished.map(({ id }) => `deletion:${id}`),
  );
  for (const { id } of unfinished) {
    if (!keys.has(`deletion:${id}`)) await queueExecution(ctx.db, id);
  }
  await tryDueRevocations(ctx, signal);
}

/** The lines in their order; answers when to come again, or null when it is done. */
async function carryOn(
  ctx: Context,
  deletion: Deletion,
  who: Identifiers,
  signal: AbortSignal,
): Promise<Date | null> {
  if (!deletion.quiet_at && !(await isQuiet(ctx, deletion, who))) return after(SECOND_MS);
  if (!deletion.recorded_at) await record(ctx, deletion, who);
  if (deletion.revocation === 'waiting' && !(await takeGrantOver(ctx, deletion, who)))
    return after(SECOND_MS);
  if (!deletion.erased_at) {
    // TikTok may take its time to answer; our own data does not wait for it.
    const revoking = tryRevocation(ctx, deletion.id, signal).catch((error) => error);
    await erase(ctx, deletion, who, signal);
    const fault = await revoking;
    if (fault instanceof Error) throw fault;
  }
  return search(ctx, deletion.id);
}

/** No run of the creator's jobs is under way, so nothing writes after the broom. */
export async function isQuiet(
  ctx: Context,
  deletion: Deletion,
  { creator_id }: Identifiers,
): Promise<boolean> {
  const waited = Date.now() - deletion.requested_at.getTime();
  if (waited > SEEN_THROUGH_MS) await fenceOff(ctx.db, creator_id);
  const held = await countHeldRuns(ctx.db, creator_id);
  const working = await countWorking(ctx.db, creator_id);
  if ((held > 0 || working > 0) && waited < QUIET_AT_LAST_MS) return false;
  await updateDeletion(ctx.db, deletion.id, { quiet_at: new Date() });
  return true;
}

export async function record(
  ctx: Context,
  deletion: Deletion,
  { creator_id }: Identifiers,
): Promise<void> {
  await recordDeletion(ctx, creator_id);
  await updateDeletion(ctx.db, deletion.id, { recorded_at: new Date() });
}

/** Files before rows: while a row is there, a crash leaves the file's name known. */
export async function erase(
  ctx: Context,
  deletion: Deletion,
  who: Identifiers,
  signal: AbortSignal,
): Promise<void> {
  const keys = await listStorageKeys(ctx.db, who.creator_id);
  const leftKeys = await removeFiles(ctx, keys, signal);
  await eraseCreator(ctx, {
    deletionId: deletion.id,
    creatorId: who.creator_id,
    sealedIdentifiers: sealIdentifiers(ctx, deletion.id, { ...who, left_keys: leftKeys }),
    filesLeft: leftKeys.length,
  });
  ctx.log.info({ event: 'deletion.erased', deletion_id: deletion.id, files: keys.length });
}

/** Answers those that storage could not remove now; without their rows the sweeper takes them. */
async function removeFiles(ctx: Context, keys: string[], signal: AbortSignal): Promise<string[]> {
  const left: string[] = [];
  for (let at = 0; at < keys.length; at += FILES_AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(
      keys
        .slice(at, at + FILES_AT_ONCE)
        .map((key) => ctx.storage.remove(key).catch(() => left.push(key))),
    );
  }
  return left;
}

/** Writes `traces: 0` and forgets whom it deleted, or fails loudly and looks again. */
async function search(ctx: Context, deletionId: string): Promise<Date | null> {
  const deletion = await findDeletion(ctx.db, deletionId);
  const who = deletion && openIdentifiers(ctx, deletion);
  if (!deletion || !who) return null;
  for (const key of who.left_keys) await ctx.storage.remove(key).catch(() => {});
  const startedAt = Date.now();
  const isBack = who.open_id !== null && (await hasReturned(ctx.db, who.open_id));
  // The same person's new account is another one, and no trace of this.
  const searched = isBack ? { ...who, open_id: null, username: null } : who;
  const { traces, tables } = await findTraces(ctx, searched);
  const count = traces.reduce((sum, trace) => sum + trace.count, 0);
  if (count === 0) {
    await finishDeletion(ctx, deletionId, {
      tables_searched: tables,
      search_ms: Date.now() - startedAt,
    });
    ctx.log.info({ event: 'deletion.done', deletion_id: deletionId });
    return null;
  }
  const faults = deletion.faults + 1;
  await updateDeletion(ctx.db, deletionId, { traces: count, faults });
  ctx.log.error({ event: 'deletion.traces', deletion_id: deletionId, traces });
  return after(Math.min(60 * MINUTE_MS, 10 * SECOND_MS * 2 ** Math.min(faults, 12)));
}

function after(ms: number): Date {
  return new Date(Date.now() + ms);
}
