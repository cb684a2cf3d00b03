// Lengths of time in milliseconds, how waits grow, and waits that end.
import { setTimeout as sleep } from 'node:timers/promises';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Returns the wait after so many faults in a row before this one: doubling, up to the longest. */
export function backOff(firstMs: number, longestMs: number, faults: number): number {
  return Math.min(longestMs, firstMs * 2 ** faults);
}

/** Returns what `work` resolves to, or `otherwise` if it takes longer than `ms`; it goes on then. */
export async function waitAtMost<T, U>(ms: number, work: Promise<T>, otherwise: U): Promise<T | U> {
  const stop = new AbortController();
  const limit = sleep(ms, otherwise, { signal: stop.signal }).catch(() => otherwise);
  return Promise.race([work, limit]).finally(() => stop.abort());
}
