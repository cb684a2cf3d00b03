// Chooses container, size, frame rate and sound of the file that is sent.
import { TIKTOK_LIMITS } from '#plugin';
import type { Probe, VideoStream } from './probe.ts';

const { minFps, maxFps, minSide, maxSide } = TIKTOK_LIMITS.video;

/** A frame rate may miss a limit by as much as clocks do. */
export const FPS_TOLERANCE = 0.01;

export interface Target {
  container: 'mp4' | 'webm';
  /** Null when the frame rate stays as it is. */
  fps: number | null;
  /** The size of the whole picture, including black bars. */
  width: number;
  height: number;
  /** The size of the picture within the black bars. */
  shown: { width: number; height: number };
  isPadded: boolean;
  /** For the sentence to the creator, e.g. `stereo AAC`. */
  sound: string;
}

/** `isEncoded`: whether the picture is encoded again, rather than copied. */
export function targetFor(probe: Probe, isEncoded: boolean): Target {
  const { video } = probe;
  const container = isEncoded ? 'mp4' : containerFor(probe);
  const shown = video ? sizeWithin(video) : { width: 0, height: 0 };
  const width = Math.max(minSide, shown.width);
  const height = Math.max(minSide, shown.height);
  return {
    container,
    fps: video ? fpsWithin(video) : null,
    width,
    height,
    shown,
    isPadded: width !== shown.width || height !== shown.height,
    sound: container === 'webm' ? 'stereo Opus' : 'stereo AAC',
  };
}

/**
 * Returns the container for a copied picture: VP8, and VP9 with Opus or Vorbis, go into WebM, all
 * else into MP4.
 */
export function containerFor({ structure, video, audio }: Probe): 'mp4' | 'webm' {
  if (video?.codec === 'vp8') return 'webm';
  if (video?.codec !== 'vp9' || structure.kind === 'mp4') return 'mp4';
  return !audio || isOpen(audio.codec) ? 'webm' : 'mp4';
}

function isOpen(codec: string): boolean {
  return codec === 'opus' || codec === 'vorbis';
}

/**
 * Whether the sound can be copied. TikTok's documents say nothing about sound; every player plays
 * AAC in MP4, and Opus and Vorbis in WebM.
 */
export function isSoundFine(probe: Probe): boolean {
  const { audio } = probe;
  if (!audio) return true;
  if (audio.channels > 2 || audio.sampleRate > 48_000) return false;
  return containerFor(probe) === 'webm' ? isOpen(audio.codec) : isPlainAac(probe);
}

/** True for AAC of the profiles that every player plays: not low-delay, scalable or xHE-AAC. */
export function isPlainAac({ audio }: Probe): boolean {
  return (
    audio?.codec === 'aac' && audio.channels <= 2 && /^(LC|HE-AAC|HE-AACv2|)$/.test(audio.profile)
  );
}

/** Returns a rate within the limits, or null when the present one may stay. */
function fpsWithin({ fps, hasVariableFps }: VideoStream): number | null {
  if (fps > maxFps + FPS_TOLERANCE) return withoutJudder(fps);
  if (fps < minFps - FPS_TOLERANCE) return hasVariableFps || fps <= 0 ? 30 : repeated(fps);
  return hasVariableFps ? Math.min(maxFps, Math.max(24, Math.round(fps))) : null;
}

/**
 * Keeps every second or fourth picture if at least 40 a second are left, else 60 a second: no
 * judder.
 */
function withoutJudder(fps: number): number {
  const shared = fps / Math.ceil((fps - FPS_TOLERANCE) / maxFps);
  return shared >= 40 ? shared : maxFps;
}

/** Shows each picture an equal number of times, so that the movement stays even. */
function repeated(fps: number): number {
  const more = fps * Math.ceil(24 / fps - FPS_TOLERANCE);
  return more <= maxFps ? more : 30;
}

/**
 * Returns even sides within the limits, in the same shape. A very long picture may stay too narrow.
 */
function sizeWithin({ width, height }: VideoStream): { width: number; height: number } {
  const up = Math.max(1, minSide / Math.min(width, height));
  const down = Math.min(1, maxSide / (Math.max(width, height) * up));
  const even = (length: number) => Math.max(2, Math.round((length * up * down) / 2) * 2);
  return { width: even(width), height: even(height) };
}
