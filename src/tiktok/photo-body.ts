// What TikTok is asked when photos are posted or handed to the inbox.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
import type { PostSettings } from '../jobs/job.ts';

export interface PhotoPost {
  destination: 'direct' | 'inbox';
  title: string;
  description: string;
  settings: PostSettings;
  photo_cover_index: number;
  photo_images: string[];
}

export function photoBody(post: PhotoPost) {
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
  const { settings } = post;
  const postInfo = {
    ...words,
    privacy_level: settings.privacy_level,
    disable_comment: !settings.allow_comment,
    auto_add_music: settings.auto_add_music,
    brand_content_toggle: settings.brand_content,
    brand_organic_toggle: settings.brand_organic,
  };
  // The one place where TikTok wants it outside post_info.
  const { is_aigc } = settings;
  return {
    media_type: 'PHOTO',
    post_mode: 'DIRECT_POST',
    post_info: postInfo,
    is_aigc,
    source_info: sourceInfo,
  };
}
