// Lengths of time in milliseconds, and how waits grow.

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Returns the wait after so many faults in a row before this one: doubling, up to the longest. */
export function backOff(firstMs: number, longestMs: number, faults: number): number {
  return Math.min(longestMs, firstMs * 2 ** faults);
}
