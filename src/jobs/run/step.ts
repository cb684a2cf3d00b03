// A step: work that moves a job on, and what it may touch.
import type { Logger } from '../../base/log.ts';
import type { Timing } from '../../base/timing.ts';
import type { CreatorTikTok } from '../../creators/tiktok.ts';
import type { DownloadedFile } from '../../media/download-source.ts';
import type { Later } from '../../queue/later.ts';
import type { Storage } from '../../storage/storage.ts';
import type { PhotoAttempts } from '../attempts/photos.ts';
import type { VideoAttempts } from '../attempts/video.ts';
import type { Job, JobPhoto, Patch } from '../job.ts';

/** Where a file comes from: a job, or one of its photos. */
export type SourceOf = Pick<Job, 'source' | 'source_request'>;

/** What a step may touch. It has no database: every write goes through these and is fenced. */
export interface StepContext {
  /** An empty folder of this run alone; removed when the run ends, whatever happened. */
  scratch: string;
  /** Whether this many bytes fit beside the working files, with the disk's reserve left over. */
  hasDiskSpace(bytes: number): Promise<boolean>;
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
  /** Whether the file of the job, or of one of its photos, has to be fetched; uploads are here. */
  isFetched(file: SourceOf): boolean;
  /**
   * Fetches the file of the job, or of one of its photos, from its media source into storage, as a
   * copy that goes when the job has ended. Throws what the source throws, and `Later` while the
   * creator's other jobs fetch.
   */
  fetchSource(
    file: SourceOf,
    kind: 'video' | 'photo',
    progress?: (fraction: number) => void,
  ): Promise<DownloadedFile>;
  /** The content's hash of a stored file of this job's creator; null when it is not registered. */
  findHash(storageKey: string): Promise<string | null>;
  /** The attempts to publish this job; `kind` is the job's. */
  attempts: VideoAttempts | PhotoAttempts;
  /** Adds a line to the job's timeline. */
  addEvent(name: string, details?: Record<string, unknown>): Promise<void>;
  /** The database's time. A step decides by no other clock. */
  now(): Date;
  log: Logger;
  /** The plugin's own settings, as parsed by its schemas. */
  settings: Record<string, unknown>;
  /** How long to wait for what; tests shorten it. */
  timing: Timing;
}

/** Work that moves a job on. Answers with a patch (done) or Later; a Problem fails the job. */
export interface Step {
  run(job: Job, context: StepContext): Promise<Patch | Later>;
}

declare module '../../context/context.ts' {
  interface Manifest {
    /** Step → its work; the state table names the step as `module.step`. */
    steps?: Record<string, Step>;
  }
}
