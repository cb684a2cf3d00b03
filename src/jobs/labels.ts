// The words that pages use for posts: their status, timeline, audience and title.
import type { Labels, Manifest } from '../context/context.ts';
import { isFetched, type Job } from './job.ts';
import { type Status, toStatus } from './states.ts';
import type { JobEvent } from './store.ts';
import { WAITING, type WaitingCode } from './waiting-codes.ts';

const STATUS: Record<Status, { sign: string; word: string }> = {
  scheduled: { sign: '◷', word: 'Scheduled' },
  running: { sign: '━', word: 'In progress' },
  finished: { sign: '✓', word: 'Posted' },
  failed: { sign: '✕', word: 'Failed' },
  cancelled: { sign: '⊘', word: 'Cancelled' },
  unconfirmed: { sign: '?', word: 'Unconfirmed' },
};

const STATE_WORDS: Record<string, string> = {
  accepted: 'Checking',
  fetched: 'Preparing',
  ready: 'Waiting to send',
  sending: 'Sending',
  sent: 'TikTok is processing',
};

/**
 * Returns a post's status with its sign and word. A running post is named by its step, in the words
 * of `states`: templates hand in those of all modules.
 */
export function statusWords(
  job: Job,
  states = STATE_WORDS,
): { status: Status; sign: string; word: string } {
  const status = toStatus(job);
  const { sign, word } = STATUS[status];
  const isFetching = job.state === 'accepted' && isFetched(job);
  if (status === 'running' && isFetching) return { status, sign, word: 'Fetching' };
  if (status === 'scheduled' && job.waiting_code) return { status, sign, word: 'Waiting' };
  if (status === 'running') return { status, sign, word: states[job.state] ?? word };
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

/** Returns what an empty list says under this filter. */
export function nothing(status: Status | null): string {
  return status ? NOTHING[status] : 'No posts here.';
}

export function statusName(status: Status): string {
  return STATUS[status].word;
}

function sayWhy(code: string): string {
  return WAITING[code as WaitingCode] ?? 'TikTok accepts no more posts for now';
}

const EVENTS: NonNullable<Labels['events']> = {
  accepted: () => 'Accepted',
  fetched: () => 'File found',
  prepared: ({ changes }) => {
    const list = Array.isArray(changes) ? changes : [];
    return list.length === 0
      ? 'Checked: nothing to change'
      : `Checked and changed: ${list.join(' ')}`;
  },
  agreed: () => 'You agreed again, so it goes out',
  rate_limited: () => 'Waiting: TikTok accepts only a few new posts a minute',
  waiting: ({ waiting, code }) => `Waiting: ${sayWhy(String(waiting ?? code))}`,
  delayed: () => 'Moved to the next free time, because the limit of posts was reached',
  opened: ({ attempt, pulls }) =>
    pulls
      ? 'TikTok is fetching the photos'
      : attempt === 1
        ? 'TikTok opened the upload'
        : `TikTok opened the upload again (attempt ${attempt})`,
  part_sent: ({ part, parts }) => `Sent part ${part} of ${parts}`,
  sent: () => 'Sent. TikTok is processing it',
  ready: () => 'TikTok failed to process it, so it is sent again',
  finished: (_, destination) => (destination === 'inbox' ? 'In your TikTok inbox' : 'Posted'),
  failed: ({ message }) => `Failed: ${message ?? 'no reason given'}`,
  cancelled: ({ reason }) =>
    reason === 'authorization_removed'
      ? 'Cancelled: TikTok no longer lets us post for this account'
      : reason === 'permission_lapsed'
        ? 'Cancelled: TikTok did not let us post for this account any more, and you did not agree again in time'
        : 'Cancelled',
  unconfirmed: () => 'TikTok never told us how it ended',
  resolved: ({ outcome }) =>
    outcome === 'posted' ? 'You confirmed that it is posted' : 'You told us that it is not posted',
  told: () => 'TikTok goes on with what was sent before, so nothing is sent again',
  settled: () => 'TikTok told us that it was posted',
  retried: () => 'Tried again',
  edited: () => 'Changed',
  restored: ({ may_be_posted }) =>
    may_be_posted
      ? 'Restored from a backup, or the last changes were lost. It may have been posted since'
      : 'Restored from a backup. Changes made after the backup are lost',
  resumed: () => 'Resumed after an interruption',
};

/** Puts a timeline into the words of all modules. Of sent parts in a row only the last is shown. */
export function toTimeline(
  modules: Manifest[],
  events: JobEvent[],
  destination: Job['destination'],
): { text: string; at: Date }[] {
  const labels = Object.assign({}, ...modules.map((module) => module.labels?.events ?? {}));
  return events
    .filter(
      (event, index) => !(event.name === 'part_sent' && events[index + 1]?.name === 'part_sent'),
    )
    .map(({ name, details, at }, index, shown) => ({
      // The page shows the reason of the last failure above the timeline.
      text:
        name === 'failed' && index === shown.length - 1
          ? 'Failed'
          : (labels[name]?.(details, destination) ?? name.replaceAll('_', ' ')),
      at,
    }));
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

export const jobLabels: Labels = {
  events: EVENTS,
  states: STATE_WORDS,
  functions: { sayWhy, statusWords, nothing, statusName, privacy, title, isFetched },
};
