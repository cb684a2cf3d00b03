// «#plugin»: all that a plugin may import, and the shape of the manifest every module hands in.
import type Router from '@koa/router';
import type { Logger } from './base/log.ts';
import type { Context, Module } from './context/context.ts';
import type { CreatorTikTok } from './creators/tiktok.ts';
import type { Ledger } from './jobs/attempts/video.ts';
import type { Job, JobPhoto, Patch } from './jobs/job.ts';
import type { DownloadedFile } from './media/download-source.ts';
import type { Later } from './queue/later.ts';
import type { Storage } from './storage/storage.ts';
import type { ApiRoute } from './web/api.ts';

export { invalid, Problem } from './base/errors.ts';
// For what is done about people rather than posts: deletion and retention.
export { removeAuthorization } from './connections/removal.ts';
export type { Context, Inspection } from './context/context.ts';
export { type Grant, takeGrant } from './creators/grants.ts';
export { findKnownIds, hasReturned } from './creators/store.ts';
export { openTokens } from './creators/tokens.ts';
export {
  deletedCreators,
  pruneLedger,
  pruneLedgerBeside,
  recordDeletion,
} from './deletion/ledger.ts';
export { queueExecution, requestDeletion } from './deletion/request.ts';
export {
  keepLeasedGrant,
  leaseRevocation,
  listDueRevocations,
  openGrant,
  REVOCATION_DAYS,
  REVOCATION_LEASE_SECONDS,
  type SealedGrant,
  sealGrant,
  settleRevocation,
} from './deletion/revocations.ts';
export {
  type Deletion,
  eraseCreator,
  findDeletion,
  finishDeletion,
  listUnfinishedDeletions as listUnfinished,
  lockDeletion,
  openIdentifiers as identifiersOf,
  sealIdentifiers,
  updateDeletion,
} from './deletion/store.ts';
export { hashOfPhotos } from './jobs/accept/sources.ts';
export { hearOfPhotos } from './jobs/attempts/photos.ts';
export type { Ledger } from './jobs/attempts/video.ts';
export type { Attempt, Job, JobPhoto, MediaFacts, Patch } from './jobs/job.ts';
export { countWorking } from './jobs/stats.ts';
export { summarizeChanges as toldOnce } from './jobs/summarize-changes.ts';
export { fenceOff, wakeConfirmation } from './jobs/transitions.ts';
export type { DownloadedFile as FetchedFile } from './media/download-source.ts';
export {
  type EndedFile,
  findNeeded,
  findRegistered,
  listRegistered,
  lockEndedCopies,
  lockEndedUploads,
  lockFiles,
  removeRows,
} from './media/expiry.ts';
export { getByKey, listStorageKeys as storageKeysOf } from './media/store.ts';
export { lockSilentUploads, removeSilentRows } from './media/tus/store.ts';
export { declaredTables } from './privacy/eraser.ts';
export { findTraces, type Identifiers } from './privacy/traces.ts';
export { Later } from './queue/later.ts';
export { countHeldRuns, findQueuedKeys, queueChore } from './queue/queue.ts';
export {
  type Dormancy,
  type Ending,
  hasKnownAnybody,
  isDormant,
  listDormant,
  RECONCILE_LOCK as MEND_LOCK,
  recordSweep as noteSweep,
  removeEnded,
  SWEEP_LOCK,
  touched,
  whileAlone,
} from './retention/store.ts';
export { backupsFolder, removeExpiredBackups } from './storage/backups.ts';
export { chunkFrom, chunkPlan } from './tiktok/chunks.ts';
export { findRefusal as refusalOf } from './tiktok/error-table.ts';
export { TikTokError } from './tiktok/errors.ts';
export { parseWebhook, signedAt, type WebhookEvent } from './tiktok/webhook.ts';

/** What a step may touch. It has no database: every write goes through these and is fenced. */
export interface StepContext {
  /** An empty folder of this run alone; removed when the run ends, whatever happened. */
  scratch: string;
  storage: Storage;
  /** Aborts when the process stops, the job is cancelled, or the run lost its job to another. */
  signal: AbortSignal;
  /** 0…1; written at most once a second. */
  progress(fraction: number): void;
  /** Call between parts of a long step: throws when the process is stopping or the job was lost. */
  checkpoint(): void;
  /** Keeps a converted file for this job; it goes when the job has ended. */
  storeCopy(
    path: string,
    contentType: string,
  ): Promise<{ storage_key: string; bytes: number; sha256: string }>;
  /** TikTok as this job's creator: fresh tokens and TikTok's per-minute quotas are seen to. */
  tiktok: CreatorTikTok;
  /** The photos of this job, in their order; none of a video. */
  photos(): Promise<JobPhoto[]>;
  /** Writes down now what became of one of them, in a step that goes on with others. */
  savePhoto(photo: NonNullable<Patch['photos']>[number]): Promise<void>;
  /** Fetches a source by URL, through the guard and onto a verified domain alone; it goes when the job has ended. */
  fetchSource(
    url: string,
    kind: 'video' | 'photo',
    progress?: (fraction: number) => void,
  ): Promise<DownloadedFile>;
  /** The content's hash of a stored file of this job's creator; null when it is not registered. */
  hashOf(storageKey: string): Promise<string | null>;
  /** The publish ledger of this job. */
  ledger: Ledger;
  /** Adds a line to the job's timeline. */
  addEvent(name: string, details?: Record<string, unknown>): Promise<void>;
  log: Logger;
  /** The plugin's own settings, as parsed by its schemas. */
  settings: Record<string, unknown>;
}

/** Work that moves a job on. Answers with a patch (done) or Later; a Problem fails the job. */
export interface Step {
  run(job: Job, context: StepContext): Promise<Patch | Later>;
}

/** Work that belongs to no job, run by cron once per cluster. */
export interface Chore {
  /** graphile-worker cron expression, e.g. `*\/5 * * * *`; absent: only on demand. */
  cron?: string;
  run(ctx: Context, payload: unknown, signal: AbortSignal): Promise<void>;
}

/** Work that each process does for itself, by node-cron. */
export interface Tick {
  /** Six-field cron expression (seconds first). */
  cron: string;
  run(ctx: Context): Promise<void>;
}

/** The plain value by which a core folder or a plugin says what it brings. */
export interface Manifest extends Module {
  steps?: Record<string, Step>;
  chores?: Record<string, Chore>;
  ticks?: Record<string, Tick>;
  /** After the migrations, before the first request or run; a throw ends the start. */
  beforeStart?: (ctx: Context) => Promise<void>;
  /** Its JSON routes, for the OpenAPI document. */
  api?: ApiRoute[];
  /** Adds routes to the router; pages and API alike. */
  routes?: (router: Router, ctx: Context) => void;
}
