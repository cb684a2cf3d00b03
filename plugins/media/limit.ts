// How long this creator may post: asked of TikTok early, so that a too long video is refused within seconds.
import type { Job, StepContext } from '#plugin';
import { rejected } from './plan.ts';
import type { Probe } from './probe.ts';

/** "All creators 3 min": nobody's limit was seen below one, and each question counts in the creator's minute. */
const EVERYBODY_MS = 60_000;

/** Throws `media_rejected`. When TikTok does not answer, sending will ask again. */
export async function assertWithinCreatorsLimit(
  { destination }: Job,
  { durationMs }: Probe,
  { tiktok, signal }: StepContext,
): Promise<void> {
  // A draft may be shortened in TikTok's app.
  if (destination !== 'direct' || durationMs <= EVERYBODY_MS) return;
  const info = await tiktok.creatorInfo().catch(() => null);
  signal.throwIfAborted();
  if (!info?.can_post || durationMs <= info.max_video_post_duration_sec * 1000) return;
  throw rejected(
    `The video is ${Math.ceil(durationMs / 1000)} seconds long; TikTok takes at most ${info.max_video_post_duration_sec} from this account.`,
    'duration',
  );
}
