// Types of what a probe found about a media file, as stored with the file and with the post.

/**
 * What a probe found, and what was changed so that TikTok accepts the file. Unknown facts are null.
 */
export interface MediaFacts {
  kind: 'video' | 'photo';
  bytes: number;
  sha256: string | null;
  duration_ms: number | null;
  width: number | null;
  height: number | null;
  fps: number | null;
  /** One sentence for the creator about each change. */
  changes: string[];
}

/** What the inspection of an uploaded file found. */
export interface Inspection {
  content_type: string;
  /** File name extension with its dot, e.g. `.mp4`. */
  extension: string;
  facts: MediaFacts;
}
