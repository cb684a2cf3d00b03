// Computes when a creator may post next under a daily limit and a spacing; pure functions.
import { DAY_MS } from '../../base/time.ts';

/** 0 turns a limit off. */
export interface PostLimits {
  perDay: number;
  spacingMs: number;
}

/** Returns which limit a post at `at` would break besides posts at `taken`; all in ms since 1970. */
export function conflictAt(
  taken: number[],
  at: number,
  { perDay, spacingMs }: PostLimits,
): 'daily_limit' | 'too_soon' | null {
  if (perDay > 0) {
    const all = [...taken, at];
    // Of the 24-hour windows with this post, only those that begin with a post can be the fullest.
    const isFull = all
      .filter((start) => start > at - DAY_MS && start <= at)
      .some((start) => all.filter((t) => t >= start && t < start + DAY_MS).length > perDay);
    if (isFull) return 'daily_limit';
  }
  return taken.some((t) => Math.abs(t - at) < spacingMs) ? 'too_soon' : null;
}

/** Returns the first time from `from` on that breaks no limit. */
export function nextFreeTime(taken: number[], from: number, limits: PostLimits): number {
  // A limit can end only where the spacing or the 24 hours after some post end.
  const ends = taken.flatMap((t) => [t + limits.spacingMs, t + DAY_MS]).filter((t) => t > from);
  for (const at of [from, ...ends.sort((a, b) => a - b)]) {
    if (conflictAt(taken, at, limits) === null) return at;
  }
  throw new Error('Expected the time after the last post to be free');
}
