// Connections that a kill may cost: TikTok had renewed the tokens, and nobody had saved them yet.
import type { Scene } from './scene.ts';
import type { Truth } from './truth.ts';

/** A process saves new tokens at once, or as soon as the database answers again. */
const SAVE_MS = 10_000;

/** Whether the post waits for its creator to connect again, as it must without a permission. */
export function isHeld({ job }: Truth): boolean {
  return job?.['waiting_code'] === 'creator_disconnected';
}

/** Whether a process was killed so soon after TikTok renewed these tokens that it may have had them. */
export function isLostToKill({ sandbox, occurrences }: Scene, openId: string): boolean {
  const { grants, settings } = sandbox.state;
  const grant = grants.find(({ open_id }) => open_id === openId);
  if (!grant) return false;
  const renewedAt = grant.refresh_expires_at - settings.refresh_seconds * 1000;
  return occurrences.some(
    ({ kind, from }) => kind === 'kill' && from >= renewedAt && from < renewedAt + SAVE_MS,
  );
}
