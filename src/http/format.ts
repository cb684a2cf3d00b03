// Formats sizes, lengths and times for people.
import { databaseNow, measureSince } from '../base/database-time.ts';
import { DAY_MS } from '../base/time.ts';

/** Returns a size in kB or MB; both are decimal. */
export function megabytes(bytes: number): string {
  return bytes < 1_000_000
    ? `${Math.ceil(bytes / 1000)} kB`
    : `${(bytes / 1_000_000).toFixed(bytes % 1_000_000 === 0 ? 0 : 1)} MB`;
}

/** Returns a size in kB, MB or GB. */
export function size(bytes: number): string {
  return bytes < 1_000_000_000 ? megabytes(bytes) : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** Returns a length as minutes and seconds, e.g. `1:05`; empty if it is not known. */
export function duration(ms: number | null): string {
  if (ms === null) return '';
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Whether a plan or a term has ended; null never ends. */
export function isPast(at: Date | null): boolean {
  return at !== null && at <= databaseNow();
}

/** Returns "in 3 hours" or "2 minutes ago". Pages show it beside the time, never instead of it. */
export function relative(at: Date, now = databaseNow()): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  // Up to two days are counted in hours: "in 2 days" would be wrong for tomorrow evening.
  const [unit, size] = (
    [
      ['day', 86_400, 172_800],
      ['hour', 3600, 3600],
      ['minute', 60, 60],
    ] as const
  ).find(([, , from]) => Math.abs(seconds) >= from) ?? ['second', 1];
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(
    Math.round(seconds / size),
    unit,
  );
}

/** Returns a time in UTC. A script in the browser replaces it by the person's own zone. */
export function utc(at: Date): string {
  const text = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    // The year is added to times far from now.
    ...(Math.abs(measureSince(at)) > 300 * DAY_MS ? { year: 'numeric' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  }).format(at);
  return `${text} UTC`;
}

/** Returns a time in UTC with the year, for pages that are printed and filed. */
export function exact(at: Date): string {
  const options = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' } as const;
  return `${new Intl.DateTimeFormat('en-GB', options).format(at)} UTC`;
}

/** Returns the text with its first letter in upper case: "identity asked" → "Identity asked". */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
