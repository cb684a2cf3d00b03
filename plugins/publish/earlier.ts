// Asks TikTok about earlier attempts of a post before another one is opened.
import { type Patch, type StepContext, TikTokError } from '#plugin';

/**
 * Returns the patch of a job whose earlier attempt TikTok goes on with, or has posted: that one is
 * confirmed, and none is opened. Returns null when another attempt is safe.
 *
 * @throws TikTokError when TikTok gives no answer; then nothing may be opened
 */
export async function resumeEarlier({ attempts, tiktok }: StepContext): Promise<Patch | null> {
  for (const attempt of await attempts.doubtful()) {
    // An init of photos without an answer has no id. The creator has told how it ended.
    if (!attempt.publish_id) continue;
    const status = await tiktok.status(attempt.publish_id).catch(toUnknown);
    const verdict = status ? attempts.judge(attempt, status) : 'nothing';
    if (verdict === 'nothing') await attempts.ruleOut(attempt);
    if (verdict === 'posted' || verdict === 'under_way') {
      await attempts.resume(attempt);
      return { publish_id: attempt.publish_id };
    }
  }
  return null;
}

/** Returns null where TikTok does not know the id. */
function toUnknown(error: unknown): null {
  if (error instanceof TikTokError && error.code === 'invalid_publish_id') return null;
  throw error;
}
