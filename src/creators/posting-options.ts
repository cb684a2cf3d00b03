// Asks TikTok what a creator may choose for a post right now.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { Later } from '../queue/later.ts';
import { findRefusal } from '../tiktok/error-table.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { PrivacyLevel } from '../tiktok/post-settings.ts';
import { assertMayPost } from './rules.ts';
import { type Creator, saveProfile } from './store.ts';
import { creatorTikTok } from './tiktok.ts';

/** What TikTok offers now, or the reason and the sentence for a creator who cannot post now. */
export type PostingOptions =
  | { can_post: false; reason: string; message: string }
  | {
      can_post: true;
      nickname: string | null;
      username: string | null;
      avatar_url: string | null;
      privacy_level_options: PrivacyLevel[];
      comment_disabled: boolean;
      duet_disabled: boolean;
      stitch_disabled: boolean;
      max_video_post_duration_sec: number;
    };

/**
 * Returns what TikTok offers this creator now. Saves the names in its answer, since most apps get
 * the username only here.
 * @throws Problem from `assertMayPost`, `rate_limited`, `unavailable`, or TikTok's refusal.
 */
export async function fetchPostingOptions(
  ctx: Context,
  creator: Creator,
  signal: AbortSignal,
): Promise<PostingOptions> {
  assertMayPost(creator);
  try {
    const info = await creatorTikTok(ctx, creator.id, signal).creatorInfo();
    if (!info.can_post) {
      return { can_post: false, reason: info.reason, message: findRefusal(info.reason).sentence };
    }
    const { can_post, ...options } = info;
    await saveProfile(ctx.db, creator.id, {
      username: options.username,
      nickname: options.nickname,
      avatar_url: options.avatar_url,
    });
    return { can_post, ...options };
  } catch (error) {
    if (error instanceof Later) {
      throw new Problem(
        'rate_limited',
        'TikTok limits how often we may ask for this account. Try again in a minute.',
        { retry_at: error.at },
      );
    }
    if (!(error instanceof TikTokError)) throw error;
    if (error.kind === 'refused') {
      const { code, sentence } = findRefusal(error.code);
      throw new Problem(code, sentence, {
        tiktok: { code: error.code, message: error.tiktokMessage ?? '', log_id: error.logId },
      });
    }
    throw new Problem(
      'unavailable',
      'TikTok does not answer at the moment. Try again in a minute.',
      { cause: error },
    );
  }
}

/**
 * Returns the options for a page. Refusals become a reason that the page shows, e.g. a missing
 * scope.
 * @throws Problem `creator_disconnected`.
 */
export async function fetchOptionsOrReason(
  ctx: Context,
  creator: Creator,
  signal: AbortSignal,
): Promise<PostingOptions> {
  try {
    return await fetchPostingOptions(ctx, creator, signal);
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'creator_disconnected') throw error;
    return { can_post: false, reason: error.code, message: error.message };
  }
}
