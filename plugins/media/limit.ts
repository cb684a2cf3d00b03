// Asks TikTok early how long this creator's videos may be, so that a longer one fails in seconds.
import type { Job, StepContext } from '#plugin';
import { rejected } from './plan.ts';
import type { Probe } from './probe.ts';

/**
 * Every creator may post videos up to this length: TikTok says "All creators 3 min", and no limit
 * below one minute was seen. Shorter videos need no request, which would count against the
 * creator's requests a minute.
 */
const EVERYBODY_MS = 60_000;

/**
 * Checks the video's length against the creator's own limit. Passes when TikTok does not answer:
 * publish.send asks again.
 *
 * @throws Problem `media_rejected`
 */
export async function assertWithinCreatorsLimit(
  { destination }: Job,
  { durationMs }: Probe,
  { tiktok, signal }: StepContext,
): Promise<void> {
  // The creator can shorten a draft in TikTok's app.
  if (destination !== 'direct' || durationMs <= EVERYBODY_MS) return;
  const info = await tiktok.creatorInfo().catch(() => null);
  signal.throwIfAborted();
  if (!info?.can_post || durationMs <= info.max_video_post_duration_sec * 1000) return;
  throw rejected(
    `The video is ${Math.ceil(durationMs / 1000)} seconds long; TikTok takes at most ${info.max_video_post_duration_sec} from this account.`,
    'duration',
  );
}
