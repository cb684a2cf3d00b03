// Probes a video and turns ffprobe's refusal into a sentence for the creator.
import type { MediaFacts, Problem } from '#plugin';
import { FfmpegFailure } from './ffmpeg.ts';
import { rejected } from './plan.ts';
import { type Probe, probe } from './probe.ts';
import { cannotRead } from './readable.ts';

const NO_VIDEO = 'This file is not a video, or it is a kind of video that we do not take.';

/**
 * Returns what ffprobe finds in the file.
 *
 * @throws Problem `media_rejected` when ffprobe cannot read it.
 */
export async function probeVideo(path: string, signal: AbortSignal): Promise<Probe> {
  try {
    return await probe(path, signal);
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    throw toRefusal(error) ?? rejected(NO_VIDEO, 'is_video');
  }
}

/**
 * Returns the Problem for a codec that this server's ffmpeg cannot read: the creator may save the
 * same video in another form. Undefined when something else is wrong with the file.
 */
export function toRefusal({ unreadableCodec, hasCrashed }: FfmpegFailure): Problem | undefined {
  const name = unreadableCodec ?? (hasCrashed ? 'unknown' : undefined);
  return name === undefined ? undefined : rejected(`${cannotRead(name)}.`, 'readable');
}

/** Returns a video's facts as a job and the library store them. */
export function toFacts(found: Probe, sha256: string | null, changes: string[]): MediaFacts {
  return {
    kind: 'video',
    bytes: found.bytes,
    sha256,
    duration_ms: found.durationMs,
    width: found.video?.width ?? null,
    height: found.video?.height ?? null,
    fps: found.video ? Number(found.video.fps.toFixed(3)) : null,
    changes,
  };
}
