// Accounts that end by themselves: TikTok's permission gone for long, or nothing done for long.
import {
  type Context,
  type Dormancy,
  isDormant,
  listDormant,
  Problem,
  requestDeletion,
} from '#plugin';
import { BATCH, inBatches, type Pace } from './batches.ts';

const REASONS: Dormancy[] = ['disconnected', 'inactive'];

/** Asks for their deletion; that is carried out, with its receipt, as any other. */
export async function removeDormant(ctx: Context, pace: Pace): Promise<void> {
  for (const reason of REASONS) {
    await inBatches(ctx, pace, `accounts_${reason}`, async () => {
      const ids = await listDormant(ctx.db, ctx.config, reason, BATCH);
      let removed = 0;
      for (const id of ids) if (await removeAccount(ctx, id, reason)) removed += 1;
      return { removed, bytes: 0, is_last: true };
    });
  }
}

/** False when the creator has come back, or left, since the list was made. */
async function removeAccount(ctx: Context, id: string, reason: Dormancy): Promise<boolean> {
  try {
    await requestDeletion(ctx, id, reason, async (trx) => {
      if (!(await isDormant(trx, ctx.config, reason, id))) throw new Problem('not_found', 'Back.');
    });
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_found') return false;
    throw error;
  }
}
