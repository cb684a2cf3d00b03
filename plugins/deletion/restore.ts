// At every start: whoever was deleted and is in the database again came back with a backup, and goes before the first request.
import {
  type Context,
  deletedCreators,
  fenceOff,
  findDeletion,
  findKnownIds,
  identifiersOf,
  requestDeletion,
  updateDeletion,
} from '#plugin';
import { erase, record } from './execute.ts';

export async function eraseTheReturned(ctx: Context): Promise<void> {
  const returned = await findKnownIds(ctx.db, await deletedCreators(ctx));
  for (const creator_id of returned) {
    const { id } = await requestDeletion(ctx, creator_id, 'restore');
    const deletion = await findDeletion(ctx.db, id);
    const who = deletion && identifiersOf(ctx, deletion);
    if (!deletion || !who || deletion.erased_at) continue;
    // Nothing runs yet, so nobody is waited for; their grant was ended when they were deleted.
    await fenceOff(ctx.db, creator_id);
    await updateDeletion(ctx.db, id, { quiet_at: new Date(), revocation: 'not_needed' });
    await record(ctx, deletion, who);
    await erase(ctx, deletion, who, new AbortController().signal);
  }
  if (returned.length > 0) {
    ctx.log.warn({ event: 'deletion.returned_from_backup', count: returned.length });
  }
}
