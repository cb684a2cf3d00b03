// Requests the deletion of accounts that have been disconnected or unused for too long.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { requestDeletion } from '../deletion/request.ts';
import { BATCH, type Database, inBatches, type Pace } from './batches.ts';
import { type Dormancy, isDormant, listDormant } from './store.ts';

const REASONS: Dormancy[] = ['disconnected', 'inactive'];

/** Requests their deletion, which is then executed like any other and has a receipt. */
export async function removeDormant(ctx: Context, pace: Pace): Promise<void> {
  for (const reason of REASONS) {
    const ids = await listDormant(ctx.db, ctx.config, reason, BATCH);
    // Each account is counted in the transaction that requests its deletion.
    await inBatches(pace, `accounts_${reason}`, async (recordRemoval) => {
      const id = ids.shift();
      if (id)
        await removeAccount(ctx, id, reason, (trx) => recordRemoval(trx, { removed: 1, bytes: 0 }));
      return { isLast: ids.length === 0 };
    });
  }
}

/** Does nothing when the creator came back or left after the list was made. */
async function removeAccount(
  ctx: Context,
  id: string,
  reason: Dormancy,
  recordRemoval: (trx: Database) => Promise<void>,
): Promise<void> {
  try {
    await requestDeletion(ctx, id, reason, async (trx) => {
      if (!(await isDormant(trx, ctx.config, reason, id))) throw new Problem('not_found', 'Back.');
      await recordRemoval(trx);
    });
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'not_found')) throw error;
  }
}
