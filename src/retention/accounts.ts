// Accounts that end by themselves: TikTok's permission gone for long, or nothing done for long.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { requestDeletion } from '../deletion/request.ts';
import { BATCH, type Database, inBatches, type Pace } from './batches.ts';
import { type Dormancy, isDormant, listDormant } from './store.ts';

const REASONS: Dormancy[] = ['disconnected', 'inactive'];

/** Asks for their deletion; that is carried out, with its receipt, as any other. */
export async function removeDormant(ctx: Context, pace: Pace): Promise<void> {
  for (const reason of REASONS) {
    const ids = await listDormant(ctx.db, ctx.config, reason, BATCH);
    // One by one, each counted in the transaction that asks for it.
    await inBatches(pace, `accounts_${reason}`, async (recordRemoval) => {
      const id = ids.shift();
      if (id)
        await removeAccount(ctx, id, reason, (trx) => recordRemoval(trx, { removed: 1, bytes: 0 }));
      return { isLast: ids.length === 0 };
    });
  }
}

/** Not, when the creator has come back, or left, since the list was made. */
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
