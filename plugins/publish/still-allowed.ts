// Asks TikTok, right before a direct post, whether it still offers what the creator chose.
import { type Job, Problem, type StepContext } from '#plugin';
import { createRefusal, failOrWait } from './retry-policy.ts';

/**
 * Compares the job with TikTok's creator_info of this moment: the chosen audience may be gone, and
 * the limit of length may be lower.
 *
 * @throws Problem when the post is no longer allowed; Later when TikTok takes none for now.
 */
export async function assertStillAllowed(job: Job, context: StepContext): Promise<void> {
  if (job.destination !== 'direct') return;
  const info = await context.tiktok.creatorInfo().catch((error) => {
    throw failOrWait(context, error);
  });
  if (!info.can_post) throw failOrWait(context, createRefusal(info.reason));
  const { privacy_level } = job.settings;
  if (!privacy_level || !info.privacy_level_options.includes(privacy_level)) {
    throw new Problem(
      'tiktok_refused',
      'TikTok no longer offers the chosen audience for this account. Choose another one and post again.',
      {
        tiktok: { code: 'privacy_level_option_mismatch', message: '', log_id: null },
      },
    );
  }
  const limitMs = info.max_video_post_duration_sec * 1000;
  if (job.media?.duration_ms && job.media.duration_ms > limitMs) {
    throw new Problem(
      'media_rejected',
      `The video is ${Math.ceil(job.media.duration_ms / 1000)} seconds long; TikTok takes at most ${info.max_video_post_duration_sec} from this account.`,
      { rule: 'duration' },
    );
  }
}
