// Makes ids in the forms that TikTok uses.
import { randomBytes, randomInt } from 'node:crypto';

/** Returns the id of a post: an integer beyond 2^53, as text. */
export function postId(): string {
  return `7${randomInt(1_000_000_000)}${String(randomInt(1_000_000_000)).padStart(9, '0')}`.padEnd(
    19,
    '3',
  );
}

/** Returns a `log_id`: the time and 18 hexadecimal digits. */
export function logId(): string {
  return `${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}${randomBytes(9).toString('hex').toUpperCase()}`;
}
