// Erases, at every start, the deleted creators whom a restored backup brought back.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context/context.ts';
import { findKnownIds } from '../creators/store.ts';
import { fenceOff } from '../jobs/transitions.ts';
import { erase } from './erase.ts';
import { record } from './execute.ts';
import { listDeletedCreators } from './ledger.ts';
import { requestDeletion } from './request.ts';
import { takeGrantOver } from './revoke.ts';
import { findDeletion, openIdentifiers, updateDeletion } from './store.ts';

/** Runs before the first request and the first step, so that nobody meets a returned creator. */
export async function eraseReturned(ctx: Context): Promise<void> {
  const returned = await findKnownIds(ctx.db, await listDeletedCreators(ctx));
  for (const creatorId of returned) {
    const { id } = await requestDeletion(ctx, creatorId, 'restore');
    const deletion = await findDeletion(ctx.db, id);
    const who = deletion && openIdentifiers(ctx, deletion);
    // A deletion that was under way before this start goes on in the queue; its creator is hidden.
    if (!deletion || !who || deletion.method !== 'restore' || deletion.erased_at) continue;
    // No step runs before the start, so there is nothing to wait for.
    await fenceOff(ctx.db, creatorId);
    await updateDeletion(ctx.db, id, { quiet_at: ctx.db.fn.now() });
    while (!(await takeGrantOver(ctx, deletion, who))) await sleep(1_000);
    await record(ctx, deletion, who);
    await erase(ctx, deletion, who, new AbortController().signal);
  }
  if (returned.length > 0) {
    ctx.log.warn({ event: 'deletion.returned_from_backup', count: returned.length });
  }
}
