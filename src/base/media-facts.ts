// What a probe found about a media file, as it is stored with the file and with the post.

/** What a probe found, and what was changed so that TikTok takes it. Absent facts are null. */
export interface MediaFacts {
  kind: 'video' | 'photo';
  bytes: number;
  sha256: string | null;
  duration_ms: number | null;
  width: number | null;
  height: number | null;
  fps: number | null;
  /** One sentence each, for the creator. */
  changes: string[];
}

/** What the inspection of an uploaded file found. */
export interface Inspection {
  content_type: string;
  /** File name extension with its dot, e.g. `.mp4`. */
  extension: string;
  facts: MediaFacts;
}
