// The job: one wish to post, and an attempt at it, as the rest of the code passes them around.
import type { ErrorCode } from '../base/errors.ts';
import type { MediaFacts } from '../base/media-facts.ts';
import type { PostSettings } from '../tiktok/post-settings.ts';
import type { State } from './states.ts';

/** One photo of a post, in its place. */
export interface JobPhoto {
  position: number;
  /** The upload, or our copy of the URL; null until that was fetched. */
  source_key: string | null;
  source_url: string | null;
  /** What the upload was called; null where nobody said. */
  file_name: string | null;
  /** The photo as TikTok gets it. */
  output_key: string | null;
  output_type: string | null;
  facts: MediaFacts | null;
}

/** Why a job failed, in words for the creator; `tiktok` holds TikTok's own. */
export interface JobError {
  code: ErrorCode;
  message: string;
  tiktok: { code: string; log_id: string | null } | null;
  /** Of `duplicate_media`: the first post of the same content. */
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
  /** The video as uploaded, or our copy of the URL; null until that was fetched, and for photos. */
  source_key: string | null;
  source_url: string | null;
  /** The content's hash, by which the same media is known again; null until it was fetched. */
  source_sha256: string | null;
  allow_duplicate: boolean;
  /** Photos alone. */
  description: string | null;
  photo_cover_index: number | null;
  /** The file that is sent: the source itself, or its converted copy. */
  output_key: string | null;
  output_type: string | null;
  media: MediaFacts | null;
  progress: number | null;
  run_token: string | null;
  /** Faults in a row of the present step; drives its back-off. */
  faults: number;
  /** Since when its step has been told to wait; patience counts from here. */
  waiting_since: Date | null;
  publish_id: string | null;
  post_ids: string[];
  error: JobError | null;
  created_at: Date;
  updated_at: Date;
  finished_at: Date | null;
}

/** What a finished step changes about its job; `state` only where a step has more than one way out. */
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
  /** What changes about photos, each named by its position. */
  photos?: (Pick<JobPhoto, 'position'> & Partial<Omit<JobPhoto, 'file_name'>>)[];
  /** Closes the open publish attempt in the same transaction, with this outcome. */
  attempt_outcome?: string;
};

/** An attempt to publish. `committed_at` is the mark: from then on it may have been posted. */
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
  /** Photos: an id that TikTok told by itself while init had no answer. */
  told_publish_id: string | null;
  unanswered_at: Date | null;
}

/** What there is to show of a post; null where it is not stored any more. */
export interface StoredFile {
  job_id: string;
  storage_key: string | null;
}
