// What a step is given to work with: scratch, storage, TikTok, ledger, and the watch over its fence.
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { readModuleSettings } from '../../context/create-context.ts';
import { creatorTikTok } from '../../creators/tiktok.ts';
import { downloadSource } from '../../media/download-source.ts';
import { findFile } from '../../media/store.ts';
import { storeWorkingCopy } from '../../media/store-media.ts';
import { Later } from '../../queue/later.ts';
import { createLedger } from '../attempts/video.ts';
import { isFetched, type Job } from '../job.ts';
import { listPhotos, updatePhotos } from '../photos.ts';
import { listSources } from '../source.ts';
import { insertEvent } from '../store.ts';
import { beginFetching, fencedUpdate, holdsJob, LostJob, withFence } from '../transitions.ts';
import type { SourceOf, StepContext } from './step.ts';

const WATCH_MS = 2_000;
const PROGRESS_MS = 1_000;
/** Of one creator. */
const FETCHES_AT_ONCE = 2;
const FETCH_LATER_MS = 2_000;

/** What the worker tells a run about its surroundings. */
export interface RunControl {
  /** The process is stopping: go on to the next checkpoint, no further. */
  stopping: AbortSignal;
  /** Stop now: the time to stop is over, or this pool was declared dead. */
  aborted: AbortSignal;
  isLastAttempt: boolean;
}

/** Thrown at a checkpoint when the process is stopping; the run is queued again at once. */
export class Stopping extends Error {
  override name = 'Stopping';
}

export interface Fence {
  signal: AbortSignal;
  lose(): void;
  throwIfLost(): void;
  stop(): void;
}

/** Looks from time to time whether the job is still ours, so that a long step stops soon when not. */
export function watchFence(ctx: Context, holder: { job: Job }, aborted: AbortSignal): Fence {
  const lost = new AbortController();
  const timer = setInterval(async () => {
    const held = await holdsJob(ctx.db, holder.job).catch(() => true);
    if (!held) lost.abort(new LostJob('The job was taken over, cancelled or deleted'));
  }, WATCH_MS);
  return {
    signal: AbortSignal.any([lost.signal, aborted]),
    lose: () => lost.abort(new LostJob('The job was taken over, cancelled or deleted')),
    throwIfLost: () => {
      if (lost.signal.aborted) throw lost.signal.reason;
    },
    stop: () => clearInterval(timer),
  };
}

export function createStepContext(
  ctx: Context,
  holder: { job: Job },
  scratch: string,
  fence: Fence,
  control: RunControl,
  settings: Record<string, unknown>,
): StepContext {
  const { db, log } = ctx;
  const { signal } = fence;
  return {
    scratch,
    storage: ctx.storage,
    signal,
    progress: progressWriter(ctx, holder, fence),
    checkpoint() {
      signal.throwIfAborted();
      if (control.stopping.aborted) throw new Stopping('The process is stopping');
    },
    storeCopy: (path, contentType) =>
      storeWorkingCopy(ctx, holder.job, { path, contentType, signal }),
    tiktok: creatorTikTok(ctx, holder.job.creator_id, signal),
    photos: () => listPhotos(db, holder.job.id),
    savePhoto: (photo) =>
      withFence(db, holder.job, (trx) => updatePhotos(trx, holder.job.id, [photo])),
    isFetched,
    fetchSource: sourceFetcher(ctx, holder, signal),
    hashOf: async (key) => (await findFile(db, holder.job.creator_id, key))?.sha256 ?? null,
    ledger: createLedger(ctx, holder),
    async addEvent(name, details = {}) {
      await db.transaction(async (trx) => {
        await fencedUpdate(trx, holder.job, {});
        await insertEvent(trx, holder.job.id, name, details);
      });
    },
    log: log.child({ job_id: holder.job.id }),
    settings,
  };
}

/** One creator's slow sources leave room for those of others. */
function sourceFetcher(ctx: Context, { job }: { job: Job }, signal: AbortSignal) {
  let hasBegun = false;
  const log = ctx.log.child({ job_id: job.id });
  return async (
    { source: name, source_request: request }: SourceOf,
    kind: 'video' | 'photo',
    progress?: (fraction: number) => void,
  ) => {
    const found = listSources(ctx.modules).get(name);
    const fetch = found?.source.fetch;
    if (!fetch) throw notOffered(name);
    hasBegun ||= await beginFetching(ctx.db, job, FETCHES_AT_ONCE);
    if (!hasBegun) throw Later.in(FETCH_LATER_MS);
    return downloadSource(ctx, job, {
      ...{ kind, signal, progress, log },
      settings: readModuleSettings(ctx.config, found.module),
      open: (context) => fetch.call(found.source, request, context),
    });
  };
}

/** Its plugin was taken out after the post had been accepted. */
function notOffered(name: string): Problem {
  return new Problem('fetch_failed', `This instance has no media source ${name} any more.`);
}

/** Writes at most once a second; a write that finds the fence lost stops the step. */
function progressWriter(ctx: Context, holder: { job: Job }, fence: Fence) {
  let writtenAt = 0;
  return (fraction: number) => {
    if (Date.now() - writtenAt < PROGRESS_MS) return;
    writtenAt = Date.now();
    const progress = Math.min(1, Math.max(0, fraction));
    fencedUpdate(ctx.db, holder.job, { progress }).catch((error) => {
      if (error instanceof LostJob) fence.lose();
    });
  };
}
