// Sizes, lengths and times in words for people.
import { DAY_MS } from '../base/time.ts';

export function megabytes(bytes: number): string {
  return bytes < 1_000_000
    ? `${Math.ceil(bytes / 1000)} kB`
    : `${(bytes / 1_000_000).toFixed(bytes % 1_000_000 === 0 ? 0 : 1)} MB`;
}

/** As `megabytes`, for what may be far more. */
export function size(bytes: number): string {
  return bytes < 1_000_000_000 ? megabytes(bytes) : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

export function duration(ms: number | null): string {
  if (ms === null) return '';
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** "in 3 hours", "2 minutes ago"; stands beside the time, not in its place. */
export function relative(at: Date, now = new Date()): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  // Up to two days in hours: "in 2 days" would be wrong for tomorrow evening.
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

/** Shown until the browser puts it into the person's own zone. */
export function utc(at: Date): string {
  const text = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    // The year where it is not this one's.
    ...(Math.abs(at.getTime() - Date.now()) > 300 * DAY_MS ? { year: 'numeric' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  }).format(at);
  return `${text} UTC`;
}

/** For what is printed and filed: never "today", and with the year. */
export function exact(at: Date): string {
  const options = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' } as const;
  return `${new Intl.DateTimeFormat('en-GB', options).format(at)} UTC`;
}

/** "identity asked" → "Identity asked". */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
