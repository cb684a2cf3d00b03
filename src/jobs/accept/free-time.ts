// When a creator may post next: at most so many in any 24 hours, and so far apart. Pure, by planned times.
import { DAY_MS } from '../../base/time.ts';

/** 0 is off. */
export interface PostLimits {
  perDay: number;
  spacingMs: number;
}

/** Which limit a post at `at` would break beside the posts at `taken`; all in ms since 1970. */
export function conflictAt(
  taken: number[],
  at: number,
  { perDay, spacingMs }: PostLimits,
): 'daily_limit' | 'too_soon' | null {
  if (perDay > 0) {
    const all = [...taken, at];
    // A day that holds this post begins with one of the posts of the day before it, or with itself.
    const isFull = all
      .filter((start) => start > at - DAY_MS && start <= at)
      .some((start) => all.filter((t) => t >= start && t < start + DAY_MS).length > perDay);
    if (isFull) return 'daily_limit';
  }
  return taken.some((t) => Math.abs(t - at) < spacingMs) ? 'too_soon' : null;
}

/** The first time from `from` on that breaks no limit. */
export function nextFreeTime(taken: number[], from: number, limits: PostLimits): number {
  // Only where some post leaves the spacing or the day behind can a limit end.
  const ends = taken.flatMap((t) => [t + limits.spacingMs, t + DAY_MS]).filter((t) => t > from);
  for (const at of [from, ...ends.sort((a, b) => a - b)]) {
    if (conflictAt(taken, at, limits) === null) return at;
  }
  throw new Error('Expected the time after the last post to be free');
}
