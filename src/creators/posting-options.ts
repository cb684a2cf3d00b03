// What TikTok lets a creator choose right now, asked fresh each time.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { Later } from '../queue/later.ts';
import { findRefusal } from '../tiktok/error-table.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { PrivacyLevel } from '../tiktok/post-settings.ts';
import { assertMayPost, type Creator, saveProfile } from './store.ts';
import { creatorTikTok } from './tiktok.ts';

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

/** Names are refreshed on the way: TikTok tells the username only here to most apps. */
export async function postingOptions(
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
        'TikTok was asked too often for this account in a minute.',
        { retry_at: error.at },
      );
    }
    if (!(error instanceof TikTokError)) throw error;
    if (error.kind === 'refused') {
      const { code, sentence } = findRefusal(error.code);
      throw new Problem(code, sentence, {
        tiktok: { code: error.code, message: error.tiktok_message ?? '', log_id: error.log_id },
      });
    }
    throw new Problem(
      'unavailable',
      'TikTok does not answer at the moment. Try again in a minute.',
      { cause: error },
    );
  }
}

/** For pages: without the scope for direct posts, or when TikTok will not answer, the reason is shown. */
export async function optionsOrReason(
  ctx: Context,
  creator: Creator,
  signal: AbortSignal,
): Promise<PostingOptions> {
  try {
    return await postingOptions(ctx, creator, signal);
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'creator_disconnected') throw error;
    return { can_post: false, reason: error.code, message: error.message };
  }
}
