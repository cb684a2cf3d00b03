// Erases what is stored about one creator: the files first, then the rows in one transaction.
import type { Knex } from 'knex';
import { withQueryLimit } from '../base/bounded-client.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';
import { emit } from '../events/emit.ts';
import { listLooseKeys } from '../media/loose-files.ts';
import { listStorageKeys } from '../media/store.ts';
import { sumMedia } from '../media/usage.ts';
import { eraseRows } from '../privacy/eraser.ts';
import type { Identifiers } from '../privacy/traces.ts';
import {
  type Deletion,
  lockDeletion,
  openIdentifiers,
  sealIdentifiers,
  updateDeletion,
} from './store.ts';

const FILES_AT_ONCE = 8;

/** Files go before rows: after a crash in between, the rows still name the files. */
export async function erase(
  ctx: Context,
  deletion: Deletion,
  who: Identifiers,
  signal: AbortSignal,
): Promise<void> {
  // Before the files: a write that goes on would make its object after that was removed.
  for (const key of await listLooseKeys(ctx.db, who.creator_id)) {
    await ctx.storage.removeUnfinished(key);
  }
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

/**
 * Returns the keys that storage could not remove now. The search removes them later, and so does
 * retention once their rows are gone.
 */
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

interface ErasedRows {
  deletionId: string;
  creatorId: string;
  /** They name the files that storage could not remove yet. */
  sealedIdentifiers: string;
  filesLeft: number;
}

/** Deletes the creator's rows and counts them on the receipt, in one transaction. */
async function eraseCreator(
  ctx: Context,
  { deletionId, creatorId, sealedIdentifiers, filesLeft }: ErasedRows,
): Promise<void> {
  const work = async (trx: Knex) => {
    const before = await lockDeletion(trx, deletionId);
    // Another run has erased the rows already, and its counts are the right ones.
    if (!before || before.erased_at) return;
    const { files, bytes } = await sumMedia(trx, creatorId);
    const openId = openIdentifiers(ctx, before)?.open_id ?? null;
    for (const { beforeErase } of ctx.modules) {
      await beforeErase?.(trx, { deletionId, creatorId, openId });
    }
    const rows = addCounts(before.receipt.rows, await eraseRows(trx, ctx.modules, creatorId));
    // now() is the start of the transaction, when the rows were still there.
    const erased = {
      erased_at: trx.raw('clock_timestamp()'),
      sealed_identifiers: sealedIdentifiers,
    };
    await updateDeletion(trx, deletionId, erased, { rows, files, bytes, files_left: filesLeft });
    await emit(trx, { kind: 'deletion', id: deletionId }, 'erased');
  };
  await withQueryLimit(QUERY_LIMITS.erasure, () => ctx.db.transaction(work));
}

/** Sessions and keys were deleted when the deletion was requested; the receipt counts them too. */
function addCounts(some: Record<string, number> = {}, more: Record<string, number>) {
  const sum = { ...some };
  for (const [table, count] of Object.entries(more)) sum[table] = (sum[table] ?? 0) + count;
  return sum;
}
