// Removes an upload: first the row, then the file, so that no row ever names a missing file.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { findFileUses } from '../context/hooks.ts';
import { lockMedia } from './locks.ts';
import { dropFile, loosenFile } from './loose-files.ts';
import { noUpload } from './store.ts';

/**
 * Removes an upload of this creator.
 * @throws Problem `not_found`, or `state_conflict` with the job's id while a job needs the file.
 */
export async function removeMedia(
  ctx: Context,
  creatorId: string,
  storageKey: string,
): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const media = await lockMedia(trx, creatorId, storageKey);
    if (!media) throw noUpload();
    const [use] = await findFileUses(ctx.modules, trx, [storageKey]);
    if (use) {
      throw new Problem(
        'state_conflict',
        'A post that is not finished needs this file. Cancel the post first.',
        { job_id: use.job_id },
      );
    }
    await trx('media').where({ storage_key: storageKey }).delete();
    await loosenFile(trx, { storage_key: storageKey, creator_id: creatorId });
  });
  await dropFile(ctx, storageKey);
}
