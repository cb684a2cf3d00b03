// Builds what a step is given to work with from the context and the run.
import { databaseNow } from '../../base/database-time.ts';
import type { Context } from '../../context/context.ts';
import { creatorTikTok } from '../../creators/tiktok.ts';
import { findFile } from '../../media/store.ts';
import { storeWorkingCopy } from '../../media/store-media.ts';
import { hasDiskSpace } from '../../storage/disk-space.ts';
import { createPhotoAttempts } from '../attempts/photos.ts';
import { createVideoAttempts } from '../attempts/video.ts';
import { isFetched } from '../job.ts';
import { listPhotos, updatePhotos } from '../photos.ts';
import { insertEvent } from '../store.ts';
import type { JobRun } from './job-run.ts';
import { createSourceFetcher } from './source-fetcher.ts';
import type { StepContext } from './step.ts';

export function createStepContext(
  ctx: Context,
  run: JobRun,
  of: Pick<StepContext, 'scratch' | 'settings'>,
): StepContext {
  const { job, signal } = run;
  const createAttempts = job.kind === 'photo' ? createPhotoAttempts : createVideoAttempts;
  return {
    ...of,
    hasDiskSpace: (bytes) => hasDiskSpace(of.scratch, bytes),
    storage: ctx.storage,
    signal,
    progress: createProgressWriter(ctx, run),
    checkpoint: () => run.checkpoint(),
    storeCopy: (path, contentType) => storeWorkingCopy(ctx, run.job, { path, contentType, signal }),
    tiktok: creatorTikTok(ctx, job.creator_id, signal),
    photos: () => listPhotos(ctx.db, job.id),
    savePhoto: (photo) => run.withFence((trx) => updatePhotos(trx, job.id, [photo])),
    isFetched,
    fetchSource: createSourceFetcher(ctx, run),
    findHash: async (key) => (await findFile(ctx.db, job.creator_id, key))?.sha256 ?? null,
    attempts: createAttempts(ctx, run),
    addEvent: (name, details = {}) =>
      run.withFence(async (trx, row) => {
        await row.update({});
        await insertEvent(trx, job.id, name, details);
      }),
    now: databaseNow,
    log: ctx.log.child({ job_id: job.id }),
    timing: ctx.timing,
  };
}

/** Writes at most once a second. */
function createProgressWriter(ctx: Context, run: JobRun): StepContext['progress'] {
  let writtenAt = Number.NEGATIVE_INFINITY;
  return (fraction) => {
    if (performance.now() - writtenAt < ctx.timing.progressMs) return;
    writtenAt = performance.now();
    run.writeProgress(Math.min(1, Math.max(0, fraction)));
  };
}
