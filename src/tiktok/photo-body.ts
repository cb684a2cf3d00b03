// What TikTok is asked when photos are posted or handed to the inbox.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
import type { PostSettingTable } from './post-setting.ts';
import { POST_SETTINGS, type PostSettings } from './post-settings.ts';
import { writeSettings } from './settings-body.ts';

export interface PhotoPost {
  destination: 'direct' | 'inbox';
  title: string;
  description: string;
  settings: PostSettings;
  photo_cover_index: number;
  photo_images: string[];
}

export function photoBody(post: PhotoPost, table: PostSettingTable = POST_SETTINGS) {
  const sourceInfo = {
    source: 'PULL_FROM_URL',
    photo_cover_index: post.photo_cover_index,
    photo_images: post.photo_images,
  };
  const words = {
    ...(post.title ? { title: post.title } : {}),
    ...(post.description ? { description: post.description } : {}),
  };
  // Into the inbox go the words alone: the rest is chosen in TikTok's app.
  if (post.destination === 'inbox') {
    return {
      media_type: 'PHOTO',
      post_mode: 'MEDIA_UPLOAD',
      post_info: words,
      source_info: sourceInfo,
    };
  }
  const { postInfo, beside } = writeSettings(post.settings, 'photo', table);
  return {
    media_type: 'PHOTO',
    post_mode: 'DIRECT_POST',
    post_info: { ...words, ...postInfo },
    ...beside,
    source_info: sourceInfo,
  };
}
