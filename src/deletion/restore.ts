// At every start: whoever was deleted and is in the database again came back with a backup, and goes before the first request.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context/context.ts';
import { findKnownIds } from '../creators/store.ts';
import { fenceOff } from '../jobs/transitions.ts';
import { erase, record } from './execute.ts';
import { deletedCreators } from './ledger.ts';
import { requestDeletion } from './request.ts';
import { takeGrantOver } from './revoke.ts';
import { findDeletion, openIdentifiers, updateDeletion } from './store.ts';

export async function eraseReturned(ctx: Context): Promise<void> {
  const returned = await findKnownIds(ctx.db, await deletedCreators(ctx));
  for (const creatorId of returned) {
    const { id } = await requestDeletion(ctx, creatorId, 'restore');
    const deletion = await findDeletion(ctx.db, id);
    const who = deletion && openIdentifiers(ctx, deletion);
    // One that was under way when this process started is the executor's, and shows nobody either.
    if (!deletion || !who || deletion.method !== 'restore' || deletion.erased_at) continue;
    // Nothing runs yet, so nobody is waited for.
    await fenceOff(ctx.db, creatorId);
    await updateDeletion(ctx.db, id, { quiet_at: new Date() });
    while (!(await takeGrantOver(ctx, deletion, who))) await sleep(1_000);
    await record(ctx, deletion, who);
    await erase(ctx, deletion, who, new AbortController().signal);
  }
  if (returned.length > 0) {
    ctx.log.warn({ event: 'deletion.returned_from_backup', count: returned.length });
  }
}
