// What a rule about a video is: what breaks it, what that needs, and how it is told.
import type { Probe } from '../probe.ts';
import type { Target } from '../target.ts';

/** From the gravest to the least: a plan does what the gravest broken rule needs. */
export const REPAIRS = ['refuse', 'encode', 'audio', 'remux'] as const;

export interface Rule {
  name: string;
  repair: (typeof REPAIRS)[number];
  /** What is wrong, a sentence without its full stop; null when the rule is kept. */
  fault(probe: Probe): string | null;
  /** How the sentence goes on when it was mended. */
  remedy?(target: Target): string;
  /** Any new file has it right: not worth a word when the picture was converted. */
  isMinor?: boolean;
}
