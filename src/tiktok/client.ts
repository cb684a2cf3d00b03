// The TikTok client: every call the appliance makes, typed, with refusals as TikTokError.
import type { z } from 'zod';
import { TikTokError } from './errors.ts';
import { assertUploadHost } from './hosts.ts';
import { authorizeUrl, exchange, type OAuthOptions, refresh, revoke } from './oauth.ts';
import { type PhotoPost, photoBody } from './photo-body.ts';
import type { PrivacyLevel } from './post-settings.ts';
import { callApi, readData } from './requests.ts';
import { type ChunkAnswer, type ChunkUpload, putChunk } from './upload.ts';
import { directVideoBody, inboxVideoBody, type VideoFile, type VideoPost } from './video-body.ts';
import { creatorInfo, photoInit, publishStatus, userInfo, videoInit } from './wire.ts';

export interface TikTokOptions {
  clientKey: string;
  clientSecret: string;
  authorizeUrl: string;
  apiUrl: string;
  /** `TIKTOK_UPLOAD_HOSTS`. */
  uploadHosts: string[];
  timeoutMs?: number;
}

export interface Abortable {
  signal: AbortSignal;
}

export type CreatorInfo =
  | { can_post: false; reason: string }
  | {
      can_post: true;
      username: string | null;
      nickname: string | null;
      avatar_url: string | null;
      privacy_level_options: PrivacyLevel[];
      comment_disabled: boolean;
      duet_disabled: boolean;
      stitch_disabled: boolean;
      max_video_post_duration_sec: number;
    };

export interface PublishStatus {
  status: string;
  fail_reason: string | null;
  /** int64 ids as strings; empty for private posts, for ever. */
  post_ids: string[];
  uploaded_bytes: number | null;
}

export type TikTok = ReturnType<typeof createTikTok>;

const BASIC_FIELDS = ['open_id', 'display_name', 'avatar_url'];
const PROFILE_FIELDS = ['username', 'bio_description'];
// With HTTP 200 these mean "not now", on purpose:
// https://developers.tiktok.com/doc/content-posting-api-reference-query-creator-info
const NOT_NOW = /^(spam_risk|reached_active_user_cap)/;

export function createTikTok(options: TikTokOptions) {
  const timeoutMs = options.timeoutMs ?? 20_000;
  const oauth: OAuthOptions = { ...options, timeoutMs };

  /** POSTs JSON, or nothing at all where TikTok refuses a body. */
  async function post<S extends z.ZodType>(
    token: string,
    path: string,
    { body, schema, signal }: { body?: unknown; schema: S } & Abortable,
  ): Promise<z.output<S>> {
    const reply = await callApi({
      method: 'POST',
      url: `${options.apiUrl}/v2/post/publish/${path}/`,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json; charset=UTF-8',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs,
      signal,
    });
    return read(schema, readData(reply));
  }

  /** An address that bytes may not go to is refused before anything rests on it. */
  async function opened(answer: Promise<z.output<typeof videoInit>>) {
    const { publish_id, upload_url } = await answer;
    assertUploadHost(upload_url, options.uploadHosts);
    return { publish_id, upload_url };
  }

  return {
    authorizeUrl: (ask: Parameters<typeof authorizeUrl>[1]) => authorizeUrl(oauth, ask),
    exchange: (ask: Parameters<typeof exchange>[1], { signal }: Abortable) =>
      exchange(oauth, ask, signal),
    refresh: (refreshToken: string, { signal }: Abortable) => refresh(oauth, refreshToken, signal),
    revoke: (accessToken: string, { signal }: Abortable) => revoke(oauth, accessToken, signal),

    /** Asks for no field outside the granted scopes: one such field fails the whole call. */
    async userInfo(token: string, scopes: string[], { signal }: Abortable) {
      const fields = scopes.includes('user.info.profile')
        ? [...BASIC_FIELDS, ...PROFILE_FIELDS]
        : BASIC_FIELDS;
      const reply = await callApi({
        method: 'GET',
        url: `${options.apiUrl}/v2/user/info/?fields=${fields.join(',')}`,
        headers: { authorization: `Bearer ${token}` },
        timeoutMs,
        signal,
      });
      return read(userInfo, readData(reply)).user;
    },

    /** Sent without a body: one was answered with a 400. */
    async creatorInfo(token: string, { signal }: Abortable): Promise<CreatorInfo> {
      try {
        const info = await post(token, 'creator_info/query', { schema: creatorInfo, signal });
        return {
          can_post: true,
          username: info.creator_username,
          nickname: info.creator_nickname,
          avatar_url: info.creator_avatar_url,
          privacy_level_options: info.privacy_level_options as PrivacyLevel[],
          comment_disabled: info.comment_disabled,
          duet_disabled: info.duet_disabled,
          stitch_disabled: info.stitch_disabled,
          max_video_post_duration_sec: info.max_video_post_duration_sec,
        };
      } catch (error) {
        const isNotNow =
          error instanceof TikTokError && error.kind === 'refused' && NOT_NOW.test(error.code);
        if (!isNotNow) throw error;
        return { can_post: false, reason: error.code };
      }
    },

    initDirectVideo(token: string, video: VideoPost, { signal }: Abortable) {
      const body = directVideoBody(video);
      return opened(post(token, 'video/init', { body, schema: videoInit, signal }));
    },

    initInboxVideo(token: string, video: VideoFile, { signal }: Abortable) {
      const body = inboxVideoBody(video);
      return opened(post(token, 'inbox/video/init', { body, schema: videoInit, signal }));
    },

    /** TikTok pulls from `photo_images` by itself: from here on the post may be made. */
    async initPhotos(token: string, postOf: PhotoPost, { signal }: Abortable) {
      const body = photoBody(postOf);
      return (await post(token, 'content/init', { body, schema: photoInit, signal })).publish_id;
    },

    async uploadChunk(chunk: ChunkUpload): Promise<ChunkAnswer> {
      assertUploadHost(chunk.uploadUrl, options.uploadHosts);
      return putChunk(chunk);
    },

    async status(token: string, publishId: string, { signal }: Abortable): Promise<PublishStatus> {
      const body = { publish_id: publishId };
      const data = await post(token, 'status/fetch', { body, schema: publishStatus, signal });
      return {
        status: data.status,
        fail_reason: data.fail_reason,
        post_ids: [
          ...new Set([...data.publicaly_available_post_id, ...data.publicly_available_post_id]),
        ],
        uploaded_bytes: data.uploaded_bytes ?? null,
      };
    },
  };
}

function read<S extends z.ZodType>(schema: S, data: unknown): z.output<S> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new TikTokError({ kind: 'unreadable', code: 'unreadable_answer' });
}
