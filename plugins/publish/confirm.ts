// publish.confirm: asks TikTok how the post ended, less and less often, for at most a day.
import { type Job, Later, type Patch, type StepContext, TikTokError } from '#plugin';
import { afterFailure } from './retry-policy.ts';

const GIVE_UP_MS = 24 * 3600_000;
const MINUTE_MS = 60_000;

/** 2 s at first, half as much again each time up to 30 s for ten minutes, then minutes, then a quarter of an hour. */
export function nextQuestionIn(elapsedMs: number, firstMs: number): number {
  if (elapsedMs < 10 * MINUTE_MS) return Math.min(30_000, Math.max(firstMs, elapsedMs / 2));
  if (elapsedMs < 60 * MINUTE_MS) return 2 * MINUTE_MS;
  return 15 * MINUTE_MS;
}

/**
 * Returns how the post ended, or a Later. It is `unconfirmed` when TikTok has not said so within a
 * day.
 */
export async function confirm(job: Job, context: StepContext): Promise<Patch | Later> {
  const attempt = await context.attempts.current();
  if (!attempt?.publish_id) throw new Error('Expected an open attempt to confirm');
  const since = attempt.sent_at ?? attempt.committed_at ?? job.updated_at;
  // After a reconnect it is asked for a day anew.
  const elapsed =
    context.now().getTime() - Math.max(since.getTime(), job.waiting_since?.getTime() ?? 0);
  const answer = await ask(context, attempt.publish_id);
  if (answer !== 'not_now') {
    const { status, post_ids, fail_reason } = answer;
    const isDelivered = job.destination === 'inbox' && status === 'SEND_TO_USER_INBOX';
    if (status === 'PUBLISH_COMPLETE' || isDelivered) {
      return { state: 'finished', post_ids, attempt_outcome: status };
    }
    if (status === 'FAILED') return afterFailure(fail_reason, context);
  }
  if (elapsed > GIVE_UP_MS) return { state: 'unconfirmed' };
  return Later.in(nextQuestionIn(elapsed, context.timing.firstQuestionMs));
}

type Status = Awaited<ReturnType<StepContext['tiktok']['status']>>;

/**
 * `not_now`: TikTok gave no readable answer.
 * @throws Problem `creator_disconnected`; the core asks again once the creator has connected again.
 */
async function ask(context: StepContext, publishId: string): Promise<Status | 'not_now'> {
  try {
    return await context.tiktok.status(publishId);
  } catch (error) {
    if (!(error instanceof TikTokError) || error.kind === 'aborted') throw error;
    return 'not_now';
  }
}
