// What is noted while a storm goes on, for the judgement and the figures afterwards.
import type { TroubleKind } from './plan.ts';

/** A trouble that came about; times in epoch ms, `to` without end while it lasts. */
export interface Occurrence {
  kind: TroubleKind;
  member: string | null;
  from: number;
  to: number;
}

/** One run that a killed process held. */
export interface Taken {
  killed: string;
  at: number;
  /** Null: nobody went on within the time for which it was watched. */
  ms: number | null;
}
