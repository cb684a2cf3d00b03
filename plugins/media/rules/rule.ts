// The type of a rule about a video: its test, its repair, and its sentence for the creator.
import type { Probe } from '../probe.ts';
import type { Target } from '../target.ts';

/** Ordered from the gravest to the least. A plan does what the gravest broken rule needs. */
export const REPAIRS = ['refuse', 'encode', 'audio', 'remux'] as const;

export interface Rule {
  name: string;
  repair: (typeof REPAIRS)[number];
  /**
   * Returns what is wrong, as a sentence without its full stop; null when the video keeps the rule.
   */
  fault(probe: Probe): string | null;
  /** Returns how the sentence goes on once the fault is repaired. */
  remedy?(target: Target): string;
  /**
   * Every new file keeps this rule, so creators are not told when the picture was encoded again.
   */
  isMinor?: boolean;
}
