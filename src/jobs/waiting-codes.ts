// What a job may wait for while it stands still, and why, in words.

/** Code of the API's `waiting` → why. Codes are part of the API. */
export const WAITING = {
  tiktok_rate: 'TikTok takes only a few new posts a minute from one account.',
  tiktok_daily_cap: 'TikTok takes no more posts of this account through apps within 24 hours.',
  tiktok_active_users:
    'TikTok lets only so many people a day post through this app, and today’s number is reached.',
  tiktok_unavailable: 'TikTok does not answer, or has a failure of its own.',
  storage_full: 'The storage of this service is full.',
  unavailable: 'A part of this service does not answer.',
  creator_disconnected: 'TikTok no longer lets us post for this account.',
} as const;

export type WaitingCode = keyof typeof WAITING;
