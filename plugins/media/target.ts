// What the file that is sent shall be: container, size, frame rate and sound, from what it was.
import { TIKTOK_LIMITS } from '#plugin';
import type { Probe, VideoStream } from './probe.ts';

const { minFps, maxFps, minSide, maxSide } = TIKTOK_LIMITS.video;

/** A frame rate may miss a limit by as much as clocks do. */
export const FPS_TOLERANCE = 0.01;

export interface Target {
  container: 'mp4' | 'webm';
  /** Null: as it is. */
  fps: number | null;
  /** Of the whole picture, black beside it included. */
  width: number;
  height: number;
  /** Of what is shown in it. */
  shown: { width: number; height: number };
  isPadded: boolean;
  /** In words. */
  sound: string;
}

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

/** Where the picture may stay as it is: VP8 and VP9 go with Opus and Vorbis into WebM, all else into MP4. */
export function containerFor({ structure, video, audio }: Probe): 'mp4' | 'webm' {
  if (video?.codec === 'vp8') return 'webm';
  if (video?.codec !== 'vp9' || structure.kind === 'mp4') return 'mp4';
  return !audio || isOpen(audio.codec) ? 'webm' : 'mp4';
}

function isOpen(codec: string): boolean {
  return codec === 'opus' || codec === 'vorbis';
}

/** TikTok's documents say nothing of sound: AAC in MP4, Opus and Vorbis in WebM are what every player plays. */
export function isSoundFine(probe: Probe): boolean {
  const { audio } = probe;
  if (!audio) return true;
  if (audio.channels > 2 || audio.sampleRate > 48_000) return false;
  return containerFor(probe) === 'webm' ? isOpen(audio.codec) : isPlainAac(probe);
}

/** Low delay, scalable and the newest kinds are not for everybody's player. */
export function isPlainAac({ audio }: Probe): boolean {
  return (
    audio?.codec === 'aac' && audio.channels <= 2 && /^(LC|HE-AAC|HE-AACv2|)$/.test(audio.profile)
  );
}

/** A rate within the limits, or null when the present one may stay. */
function fpsWithin({ fps, hasVariableFps }: VideoStream): number | null {
  if (fps > maxFps + FPS_TOLERANCE) return withoutJudder(fps);
  if (fps < minFps - FPS_TOLERANCE) return hasVariableFps || fps <= 0 ? 30 : repeated(fps);
  return hasVariableFps ? Math.min(maxFps, Math.max(24, Math.round(fps))) : null;
}

/** Each second or fourth picture, when that is enough of them; else sixty. */
function withoutJudder(fps: number): number {
  const shared = fps / Math.ceil((fps - FPS_TOLERANCE) / maxFps);
  return shared >= 40 ? shared : maxFps;
}

/** Each picture twice or more often, so that the movement stays even. */
function repeated(fps: number): number {
  const more = fps * Math.ceil(24 / fps - FPS_TOLERANCE);
  return more <= maxFps ? more : 30;
}

/** Even sides within the limits and the shape kept; a very long picture may stay too narrow. */
function sizeWithin({ width, height }: VideoStream): { width: number; height: number } {
  const up = Math.max(1, minSide / Math.min(width, height));
  const down = Math.min(1, maxSide / (Math.max(width, height) * up));
  const even = (length: number) => Math.max(2, Math.round((length * up * down) / 2) * 2);
  return { width: even(width), height: even(height) };
}
