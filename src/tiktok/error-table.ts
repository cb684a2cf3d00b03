// The table of TikTok’s refusals: what to do about each, our code for it, and words for people.
// Longer than 200 lines, because it is one table.
// https://developers.tiktok.com/doc/tiktok-api-v2-error-handling
import type { ErrorCode } from '../base/errors.ts';

/**
 * `fail`: asking again cannot help. `wait_minute`, `wait_day`: a quota; free after that long.
 * `refresh`: a new access token may help. `reconnect`: only the creator can help. `retry`: TikTok's fault.
 */
export type RefusalAct = 'fail' | 'wait_minute' | 'wait_day' | 'refresh' | 'reconnect' | 'retry';

/** What a post waits for meanwhile. */
export type RefusalWait =
  | 'tiktok_rate'
  | 'tiktok_daily_cap'
  | 'tiktok_active_users'
  | 'tiktok_unavailable';

export interface Refusal {
  act: RefusalAct;
  /** Of a refusal that may pass by itself. */
  waiting?: RefusalWait;
  code: ErrorCode;
  /** What happened, why, and what to do now. */
  sentence: string;
  /** Of `media_rejected`: which rule of the media was broken. */
  rule?: string;
}

const REFUSALS: Record<string, Refusal> = {
  access_token_invalid: {
    act: 'refresh',
    code: 'creator_disconnected',
    sentence: 'TikTok no longer accepts the connection of this account. Connect with TikTok again.',
  },
  scope_not_authorized: {
    act: 'reconnect',
    code: 'tiktok_refused',
    sentence:
      'On connecting, a permission that this needs was not given. Connect with TikTok again and allow it.',
  },
  scope_permission_missed: {
    act: 'reconnect',
    code: 'tiktok_refused',
    sentence:
      'On connecting, a permission that this needs was not given. Connect with TikTok again and allow it.',
  },
  invalid_params: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'TikTok did not understand the request. This is our fault; tell the operator.',
  },
  invalid_file_upload: {
    act: 'fail',
    code: 'media_rejected',
    sentence:
      'TikTok says that the file does not meet its rules. Post another version of the video.',
  },
  rate_limit_exceeded: {
    act: 'wait_minute',
    waiting: 'tiktok_rate',
    code: 'rate_limited',
    sentence:
      'TikTok takes only a few requests a minute. It is tried again when the minute is over.',
  },
  internal_error: {
    act: 'retry',
    waiting: 'tiktok_unavailable',
    code: 'tiktok_refused',
    sentence: 'TikTok had a failure of its own. Try again later.',
  },
  app_version_check_failed: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence:
      'The TikTok app on the phone is too old for this (31.8 is needed). Update it and post again.',
  },
  spam_risk_too_many_posts: {
    act: 'wait_day',
    waiting: 'tiktok_daily_cap',
    code: 'daily_limit',
    sentence:
      'TikTok takes no more posts of this account through apps within 24 hours. Post again tomorrow.',
  },
  // Waiting does not help: posting or discarding drafts does.
  spam_risk_too_many_pending_share: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence:
      'Five videos wait in your TikTok inbox already. Post or discard some of them in the app, then try again.',
  },
  spam_risk_user_banned_from_posting: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'TikTok has banned this account from posting. Open the TikTok app to see why.',
  },
  spam_risk_text: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence:
      'TikTok takes the caption for spam or against its rules. Change the caption and post again.',
  },
  spam_risk: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'TikTok takes this post for spam or against its rules, so it was not posted.',
  },
  reached_active_user_cap: {
    act: 'wait_day',
    waiting: 'tiktok_active_users',
    code: 'tiktok_refused',
    sentence:
      'TikTok lets only so many people a day post through this app, and today’s number is reached. Post again tomorrow.',
  },
  unaudited_client_can_only_post_to_private_accounts: {
    act: 'fail',
    code: 'account_must_be_private',
    sentence:
      'TikTok has not audited this app yet, so it posts directly only to private accounts and for “Only me”. Make the account private, or send the video to your TikTok inbox.',
  },
  url_ownership_unverified: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence:
      'TikTok has not verified this server’s domain, so it will not fetch from it. Tell the operator.',
  },
  privacy_level_option_mismatch: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence:
      'TikTok no longer offers the chosen audience for this account. Choose again and post anew.',
  },
  invalid_publish_id: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'TikTok does not know this upload.',
  },
  token_not_authorized_for_specified_publish_id: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'This upload belongs to another TikTok account.',
  },
  publish_not_cancellable: {
    act: 'fail',
    code: 'state_conflict',
    sentence: 'TikTok cannot stop this post any more.',
  },
  upload_refused: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'TikTok did not take the upload. This is our fault; tell the operator.',
  },
  upload_url_not_allowed: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence:
      'The upload would have gone to a host that is not on this server’s list, so nothing was sent. Tell the operator (TIKTOK_UPLOAD_HOSTS).',
  },
  invalid_grant: {
    act: 'reconnect',
    code: 'creator_disconnected',
    sentence: 'TikTok no longer accepts the connection of this account. Connect with TikTok again.',
  },
  file_format_check_failed: {
    act: 'fail',
    code: 'media_rejected',
    sentence: 'TikTok does not take this file’s format.',
    rule: 'container, codec',
  },
  duration_check_failed: {
    act: 'fail',
    code: 'media_rejected',
    sentence: 'TikTok does not take a video of this length from this account.',
    rule: 'duration',
  },
  frame_rate_check_failed: {
    act: 'fail',
    code: 'media_rejected',
    sentence: 'TikTok takes 23 to 60 frames a second.',
    rule: 'frame_rate',
  },
  picture_size_check_failed: {
    act: 'fail',
    code: 'media_rejected',
    sentence:
      'TikTok takes videos of 360 to 4096 pixels on each side, and photos of at most 1080 by 1920.',
    rule: 'picture_size',
  },
  internal: {
    act: 'retry',
    code: 'tiktok_refused',
    sentence:
      'TikTok had a failure of its own while processing the video, and did not post it. Try again later.',
  },
  video_pull_failed: {
    act: 'retry',
    code: 'tiktok_refused',
    sentence: 'TikTok could not fetch the video from this server. Try again later.',
  },
  photo_pull_failed: {
    act: 'retry',
    code: 'tiktok_refused',
    sentence: 'TikTok could not fetch the photos from this server. Try again later.',
  },
  publish_cancelled: {
    act: 'fail',
    code: 'tiktok_refused',
    sentence: 'The post was cancelled at TikTok, so it was not posted.',
  },
  auth_removed: {
    act: 'reconnect',
    code: 'creator_disconnected',
    sentence:
      'The connection with TikTok was removed while the video was being posted. Connect again and post anew.',
  },
};

/** Every code that has a row of its own. */
export const KNOWN_REFUSALS = Object.keys(REFUSALS);

/** Refusals that ask for patience: none of them uses up an attempt. */
export const QUOTA_REFUSALS = KNOWN_REFUSALS.filter((code) =>
  /^wait_/.test(REFUSALS[code]?.act ?? ''),
);

/** TikTok adds codes without notice: one without a row fails, with TikTok's own code kept beside it. */
export function findRefusal(code: string): Refusal {
  return (
    REFUSALS[code] ?? {
      act: 'fail',
      code: 'tiktok_refused',
      sentence: `TikTok refused this post (${/^[a-z_]{1,64}$/.test(code) ? code : 'unknown reason'}).`,
    }
  );
}
