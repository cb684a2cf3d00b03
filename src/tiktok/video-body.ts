// What TikTok is asked when a video is posted or handed to the inbox.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
import type { ChunkPlan } from './chunks.ts';
import type { PostSettingTable } from './post-setting.ts';
import { POST_SETTINGS, type PostSettings } from './post-settings.ts';
import { writeSettings } from './settings-body.ts';

export interface VideoFile {
  size: number;
  plan: ChunkPlan;
}

export interface VideoPost extends VideoFile {
  title: string;
  settings: PostSettings;
}

export function directVideoBody(post: VideoPost, table: PostSettingTable = POST_SETTINGS) {
  const { postInfo, beside } = writeSettings(post.settings, 'video', table);
  return { post_info: { title: post.title, ...postInfo }, ...beside, ...inboxVideoBody(post) };
}

/** No post_info: TikTok would drop it silently. */
export function inboxVideoBody({ size, plan }: VideoFile) {
  const sourceInfo = {
    source: 'FILE_UPLOAD',
    video_size: size,
    chunk_size: plan.chunk_size,
    total_chunk_count: plan.chunk_count,
  };
  return { source_info: sourceInfo };
}
