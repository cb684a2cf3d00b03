// TikTok's limits for a video, and what a rule about them is.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide (2026-09-11)
import type { Probe } from '../probe.ts';
import type { Target } from '../target.ts';

/** "23-60 fps"; a clock's hundredth does not count. */
export const MIN_FPS = 23;
export const MAX_FPS = 60;
export const CLOCK = 0.01;
/** "Both sides 360-4096 px". */
export const MIN_SIDE = 360;
export const MAX_SIDE = 4096;
/** Its documents name none; shorter ones are refused hours later. */
export const MIN_DURATION_MS = 1_000;
/** "API ceiling 10 min"; a creator's own may be lower and is asked for. */
export const MAX_DURATION_MS = 600_000;
/** "≤4 GB": of its limits for chunks the decimal reading turned out right, so the smaller is meant. */
export const MAX_BYTES = 4_000_000_000;
/** The picture of an 8K camera; a header that claims more is a bomb. */
export const MAX_PIXELS = 8192 * 8192;

/** From the gravest to the least: a plan does what the gravest broken rule needs. */
export const MENDS = ['refuse', 'encode', 'audio', 'remux'] as const;

export interface Rule {
  name: string;
  mend: (typeof MENDS)[number];
  /** What is wrong, a sentence without its full stop; null when the rule is kept. */
  fault(probe: Probe): string | null;
  /** How the sentence goes on when it was mended. */
  remedy?(target: Target): string;
  /** Any new file has it right: not worth a word when the picture was converted. */
  is_minor?: boolean;
}
