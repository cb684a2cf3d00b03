// publish.confirm: asks TikTok how the post ended, less and less often, for at most a day.
import { type Job, Later, type Patch, Problem, type StepContext, TikTokError } from '#plugin';
import { afterFailure } from './retry-policy.ts';

const GIVE_UP_MS = 24 * 3600_000;
const MINUTE_MS = 60_000;

/**
 * Returns how many milliseconds to wait before the next question: half of the time elapsed, within
 * 2 and 30 s, for ten minutes; then 2 minutes, for the first hour; then 15 minutes.
 */
export function nextQuestionIn(elapsedMs: number): number {
  if (elapsedMs < 10 * MINUTE_MS) return Math.min(30_000, Math.max(2_000, elapsedMs / 2));
  if (elapsedMs < 60 * MINUTE_MS) return 2 * MINUTE_MS;
  return 15 * MINUTE_MS;
}

/**
 * Returns how the post ended, or a Later. It is `unconfirmed` when TikTok has not said so within a
 * day, or can no longer be asked.
 */
export async function confirm(job: Job, context: StepContext): Promise<Patch | Later> {
  const attempt = await context.ledger.current();
  if (!attempt?.publish_id) throw new Error('Expected an open attempt to confirm');
  const since = attempt.sent_at ?? attempt.committed_at ?? job.updated_at;
  const elapsed = Date.now() - since.getTime();
  const answer = await ask(context, attempt.publish_id);
  // It may have been posted, so it is not called failed: the creator looks and says which it was.
  if (answer === 'not_any_more') return { state: 'unconfirmed' };
  if (answer !== 'not_now') {
    const { status, post_ids, fail_reason } = answer;
    const isDelivered = job.destination === 'inbox' && status === 'SEND_TO_USER_INBOX';
    if (status === 'PUBLISH_COMPLETE' || isDelivered) {
      return { state: 'finished', post_ids, attempt_outcome: status };
    }
    if (status === 'FAILED') return afterFailure(fail_reason, await context.ledger.count());
  }
  if (elapsed > GIVE_UP_MS) return { state: 'unconfirmed' };
  return Later.in(nextQuestionIn(elapsed));
}

type Status = Awaited<ReturnType<StepContext['tiktok']['status']>>;

/** `not_now`: TikTok gave no readable answer. `not_any_more`: the connection to TikTok is gone. */
async function ask(
  context: StepContext,
  publishId: string,
): Promise<Status | 'not_now' | 'not_any_more'> {
  try {
    return await context.tiktok.status(publishId);
  } catch (error) {
    if (error instanceof Problem && error.code === 'creator_disconnected') return 'not_any_more';
    if (!(error instanceof TikTokError) || error.kind === 'aborted') throw error;
    return 'not_now';
  }
}
