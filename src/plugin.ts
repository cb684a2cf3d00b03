// «#plugin»: all that a plugin may import; plugins/README.md explains each name.

export { invalid, Problem } from './base/errors.ts';
export type { Inspection, MediaFacts } from './base/media-facts.ts';
export type { Context, Manifest } from './context/context.ts';
export { executeDeletion, resumeDeletions } from './deletion/execute.ts';
export type { DomainEvent } from './events/event.ts';
export { hashOfPhotos } from './jobs/accept/sources.ts';
export type { PhotoAttempts } from './jobs/attempts/photos.ts';
export type { VideoAttempts } from './jobs/attempts/video.ts';
export type { Attempt, Job, JobPhoto, Patch } from './jobs/job.ts';
export type { StepContext } from './jobs/run/step.ts';
export type { Source } from './jobs/source.ts';
export { summarizeChanges } from './jobs/summarize-changes.ts';
export { getByKey } from './media/store.ts';
export { Later } from './queue/later.ts';
export { reconcile } from './retention/reconcile.ts';
export { removeCopies, sweep } from './retention/sweep.ts';
export { chunkFrom, chunkPlan } from './tiktok/chunks.ts';
export { findRefusal } from './tiktok/error-table.ts';
export { TikTokError } from './tiktok/errors.ts';
export { TIKTOK_LIMITS } from './tiktok/limits.ts';
export { apiRoute } from './web/api.ts';
