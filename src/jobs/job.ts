// The types of a job, its photos and its publish attempts.
import type { ErrorCode } from '../base/errors.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import type { PostSettings } from '../tiktok/post-settings.ts';
import type { State } from './states.ts';
import type { WaitingCode } from './waiting-codes.ts';

/** The media source whose files are stored here already; those of all others are fetched. */
export const UPLOAD_SOURCE = 'pm3k_storage';

/** Whether the file of a post, or one of its photos, comes from a source that fetches. */
export function isFetched({ source }: Pick<Job, 'source'>): boolean {
  return source !== UPLOAD_SOURCE;
}

/** A row of `job_photos`: one photo of a post. */
export interface JobPhoto {
  position: number;
  /** The upload, or our copy of what was fetched; null until then. */
  source_key: string | null;
  source: string;
  source_request: Record<string, unknown> | null;
  /** The file name of the upload; null where the client named none. */
  file_name: string | null;
  /** The file that TikTok gets. */
  output_key: string | null;
  output_type: string | null;
  facts: MediaFacts | null;
}

/** Why a job failed, in a sentence for the creator. `tiktok` holds TikTok's own code. */
export interface JobError {
  code: ErrorCode;
  message: string;
  tiktok: { code: string; log_id: string | null } | null;
  /** With `duplicate_media`: the first post of the same content. */
  job_id?: string;
  /** Of `media_rejected`: the name of the broken rule, such as `duration`. */
  rule?: string;
}

/** A row of `jobs`. Times are UTC. */
export interface Job {
  id: string;
  creator_id: string;
  mode: 'now' | 'schedule';
  schedule_at: Date | null;
  send_at: Date;
  state: State;
  title: string;
  destination: 'direct' | 'inbox';
  settings: PostSettings;
  kind: 'video' | 'photo';
  /** The video as uploaded, or our copy of what was fetched; null until then, and for photos. */
  source_key: string | null;
  /** The name of the media source; photos have theirs each. */
  source: string;
  /** What a source that fetches was asked for; null of an upload. */
  source_request: Record<string, unknown> | null;
  /** The hash of the content, which finds the same media again; null until it was fetched. */
  source_sha256: string | null;
  allow_duplicate: boolean;
  /** Only for photos. */
  description: string | null;
  photo_cover_index: number | null;
  /** The file that is sent: the source itself, or its converted copy. */
  output_key: string | null;
  output_type: string | null;
  media: MediaFacts | null;
  progress: number | null;
  run_token: string | null;
  /** How often the current step has failed in a row; its back-off depends on this. */
  faults: number;
  /** When it first had to wait; whatever it waits for later does not start this anew. */
  waiting_since: Date | null;
  /** Until when it waits; then it is given up. */
  gives_up_at: Date | null;
  /** What it waits for while it stands still. */
  waiting_code: WaitingCode | null;
  /**
   * When the permission that it rests on was lost: nothing of it is sent before its creator agrees
   * again. Of a cancelled job: that it was cancelled for this.
   */
  permission_lost_at: Date | null;
  /** How often the process ended while it worked on the current step. */
  deaths: number;
  publish_id: string | null;
  post_ids: string[];
  error: JobError | null;
  created_at: Date;
  updated_at: Date;
  finished_at: Date | null;
}

/** What a finished step changes about its job. `state` is set only where a step has several results. */
export type Patch = Partial<
  Pick<
    Job,
    | 'source_key'
    | 'source_sha256'
    | 'output_key'
    | 'output_type'
    | 'media'
    | 'post_ids'
    | 'publish_id'
    | 'error'
    | 'send_at'
  >
> & {
  state?: State;
  /** The changed photos, each named by its position. */
  photos?: (Pick<JobPhoto, 'position'> & Partial<Omit<JobPhoto, 'file_name'>>)[];
  /** It goes on at `send_at` and stands still until then; its clock began at `since`. */
  waiting?: { code: WaitingCode; since: Date; givesUpAt: Date };
  /** Closes the open publish attempt in the same transaction, with this outcome. */
  attempt_outcome?: string;
};

/** An attempt to publish. `committed_at` is the mark: from then on TikTok may have posted it. */
export interface Attempt {
  id: string;
  number: number;
  bytes: number;
  publish_id: string | null;
  upload_url: string | null;
  chunk_bytes: number | null;
  chunk_count: number | null;
  bytes_acknowledged: number;
  opened_at: Date | null;
  committed_at: Date | null;
  sent_at: Date | null;
  closed_at: Date | null;
  outcome: string | null;
  /** Only for photos: an id from TikTok's webhook while the answer to init was missing. */
  told_publish_id: string | null;
  unanswered_at: Date | null;
  /** TikTok no longer knew the upload address after the mark, as when it has every byte. */
  answered_404_at: Date | null;
  /** It is certain that nothing came of it. */
  ruled_out_at: Date | null;
}

/** The file that shows a post; null where it is not stored any more. */
export interface StoredFile {
  job_id: string;
  storage_key: string | null;
}
