// Words for people: states, timeline, sizes, times. Templates use these and no codes.

import type { Job } from '../jobs/job.ts';
import { type Status, toStatus } from '../jobs/states.ts';
import type { JobEvent } from '../jobs/store.ts';
import type { Media } from '../media/store.ts';

const STATUS: Record<Status, { sign: string; word: string }> = {
  scheduled: { sign: '◷', word: 'Scheduled' },
  running: { sign: '━', word: 'Working' },
  finished: { sign: '✓', word: 'Posted' },
  failed: { sign: '✕', word: 'Failed' },
  cancelled: { sign: '⊘', word: 'Cancelled' },
  unconfirmed: { sign: '?', word: 'Unconfirmed' },
};

const STEP: Record<string, string> = {
  accepted: 'Checking',
  fetched: 'Preparing',
  ready: 'Waiting to send',
  sending: 'Sending',
  sent: 'TikTok is processing',
};

export function statusWords(job: Job): { status: Status; sign: string; word: string } {
  const status = toStatus(job);
  const { sign, word } = STATUS[status];
  const isFetching = job.state === 'accepted' && job.source_url;
  if (status === 'running' && isFetching) return { status, sign, word: 'Fetching' };
  if (status === 'running') return { status, sign, word: STEP[job.state] ?? word };
  if (status === 'finished' && job.destination === 'inbox')
    return { status, sign, word: 'In your inbox' };
  return { status, sign, word };
}

const NOTHING: Record<Status, string> = {
  scheduled: 'Nothing is scheduled. To post later, choose a day and time in a new post.',
  running: 'Nothing is being sent right now.',
  finished: 'Nothing is posted yet.',
  failed: 'Nothing failed.',
  cancelled: 'Nothing was cancelled.',
  unconfirmed: 'TikTok has told how every post ended.',
};

/** What an empty list says, by its filter. */
export function nothing(status: Status | null): string {
  return status ? NOTHING[status] : 'No posts here.';
}

export function statusName(status: Status): string {
  return STATUS[status].word;
}

const EVENTS: Record<
  string,
  (details: Record<string, unknown>, destination: Job['destination']) => string
> = {
  accepted: () => 'Accepted',
  fetched: () => 'File found',
  prepared: ({ changes }) => {
    const list = Array.isArray(changes) ? changes : [];
    return list.length === 0
      ? 'Checked: nothing to change'
      : `Checked and changed: ${list.join(' ')}`;
  },
  rate_limited: () => 'Waiting: TikTok takes only a few new posts a minute',
  waiting: () => 'Waiting: TikTok takes no more posts for now',
  delayed: () => 'Moved to the next free time: the limit of posts was reached',
  opened: ({ attempt, pulls }) =>
    pulls
      ? 'TikTok is fetching the photos'
      : attempt === 1
        ? 'TikTok opened the upload'
        : `TikTok opened the upload again (attempt ${attempt})`,
  part_sent: ({ part, parts }) => `Sent part ${part} of ${parts}`,
  sent: () => 'Sent. TikTok is processing it',
  ready: () => 'TikTok failed to process it; it is sent again',
  finished: (_, destination) => (destination === 'inbox' ? 'In your TikTok inbox' : 'Posted'),
  failed: ({ message }) => `Failed: ${message ?? 'no reason given'}`,
  cancelled: ({ reason }) =>
    reason === 'authorization_removed'
      ? 'Cancelled: TikTok no longer lets us post for this account'
      : 'Cancelled',
  unconfirmed: () => 'TikTok never told how it ended',
  resolved: ({ outcome }) =>
    outcome === 'posted' ? 'You confirmed that it is posted' : 'You told us that it is not posted',
  retried: () => 'Tried again',
  edited: () => 'Changed',
  restored: ({ may_be_posted }) =>
    may_be_posted
      ? 'Restored from a backup; it may have been posted since that was made'
      : 'Restored from a backup; what was changed since that was made is lost',
  resumed: () => 'Taken up again after an interruption',
};

/** A timeline for people: parts are folded into the latest one. */
export function timeline(
  events: JobEvent[],
  destination: Job['destination'],
): { text: string; at: Date }[] {
  return events
    .filter(
      (event, index) => !(event.name === 'part_sent' && events[index + 1]?.name === 'part_sent'),
    )
    .map(({ name, details, at }, index, shown) => ({
      // The last failure's reason stands above the timeline already.
      text:
        name === 'failed' && index === shown.length - 1
          ? 'Failed'
          : (EVENTS[name]?.(details, destination) ?? name.replaceAll('_', ' ')),
      at,
    }));
}

/** An upload that a browser shows as a picture, be it one that moves. */
export function isPicture({ content_type }: Media): boolean {
  return content_type.startsWith('image/');
}

export function mediaKind({ facts }: Media): string {
  return facts.kind === 'photo' ? 'Photo' : 'Video';
}

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
    ...(Math.abs(at.getTime() - Date.now()) > 300 * 86_400_000 ? { year: 'numeric' } : {}),
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

const PRIVACY: Record<string, string> = {
  PUBLIC_TO_EVERYONE: 'Everyone',
  MUTUAL_FOLLOW_FRIENDS: 'Friends',
  FOLLOWER_OF_CREATOR: 'Followers',
  SELF_ONLY: 'Only me',
};

export function privacy(level: string): string {
  return PRIVACY[level] ?? level;
}

export function title(job: Job): string {
  const without = job.kind === 'photo' ? 'Photos without title' : 'Video without caption';
  return job.title.trim() || job.description?.trim().split('\n')[0] || without;
}

/** "identity asked" → "Identity asked". */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
