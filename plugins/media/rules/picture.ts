// The rules about the picture: a video that breaks one is encoded again.
import { TIKTOK_LIMITS } from '#plugin';
import { codecName } from '../readable.ts';
import { FPS_TOLERANCE } from '../target.ts';
import type { Rule } from './rule.ts';

const { maxBytes, minFps, maxFps, minSide, maxSide } = TIKTOK_LIMITS.video;

const round = (fps: number) => Number(fps.toFixed(2));

const SENDABLE = ['h264', 'hevc', 'vp8', 'vp9'];

export const PICTURE: Rule[] = [
  {
    name: 'codec',
    repair: 'encode',
    fault: ({ video }) =>
      !video || SENDABLE.includes(video.codec)
        ? null
        : `TikTok does not take ${codecName(video.codec)}`,
    remedy: () => 'so we converted the picture to H.264',
  },
  {
    name: 'dynamic_range',
    repair: 'encode',
    fault({ video }) {
      if (video?.dynamicRange === 'pq' || video?.dynamicRange === 'hlg')
        return 'The picture is HDR, which TikTok shows washed out';
      return video?.dynamicRange === 'wide'
        ? 'The picture has more colours than most screens can show'
        : null;
    },
    remedy: () => 'so we fitted its colours to ordinary screens',
  },
  {
    name: 'transparency',
    repair: 'encode',
    fault: ({ video }) => (video?.hasAlpha ? 'TikTok does not show transparency' : null),
    remedy: () => 'so we put the picture on black',
  },
  {
    name: 'colour_depth',
    repair: 'encode',
    fault({ video }) {
      // Repairing the codec, HDR or transparency repairs this as well.
      if (!video || !SENDABLE.includes(video.codec) || video.dynamicRange !== 'sdr') return null;
      return video.hasAlpha || /^yuvj?420p$/.test(video.pixFmt)
        ? null
        : 'Many phones cannot play colours that are stored as finely as in this video';
    },
    remedy: () => 'so we converted them to the usual 8 bits',
  },
  {
    name: 'frame_rate',
    repair: 'encode',
    fault({ video }) {
      if (!video) return null;
      if (video.fps > maxFps + FPS_TOLERANCE)
        return `TikTok takes at most 60 frames a second; yours had ${round(video.fps)}`;
      if (video.fps < minFps - FPS_TOLERANCE)
        return `TikTok takes at least 23 frames a second; yours had ${round(video.fps)}`;
      return video.hasVariableFps
        ? 'TikTok takes a constant frame rate; yours changed within the video'
        : null;
    },
    remedy: ({ fps }) => `so we converted it to ${round(fps ?? 0)}`,
  },
  {
    name: 'picture_size',
    repair: 'encode',
    fault({ video }) {
      if (!video) return null;
      const { width, height } = video;
      if (Math.min(width, height) < minSide)
        return `TikTok takes at least 360 pixels on each side; yours had ${width}×${height}`;
      if (Math.max(width, height) > maxSide)
        return `TikTok takes at most 4096 pixels on each side; yours had ${width}×${height}`;
      return video.hasSquarePixels && (width % 2 || height % 2)
        ? `Players need an even number of pixels on each side; yours had ${width}×${height}`
        : null;
    },
    remedy: ({ width, height, isPadded }) =>
      `so we scaled it to ${width}×${height}${isPadded ? ', with black beside it to keep its shape' : ''}`,
  },
  {
    name: 'pixels',
    repair: 'encode',
    fault: ({ video }) =>
      !video || video.hasSquarePixels
        ? null
        : 'The pixels of the video are not square, and some players show it squeezed',
    remedy: () => 'so we stretched the picture to its right shape',
  },
  {
    name: 'interlacing',
    repair: 'encode',
    fault: ({ video }) =>
      video?.isInterlaced ? 'The picture is interlaced, which shows as stripes on a phone' : null,
    remedy: () => 'so we made it progressive',
  },
  {
    name: 'views',
    repair: 'encode',
    fault: ({ structure }) =>
      structure.hasSeveralViews ? 'TikTok shows one view; yours is a spatial video with two' : null,
    remedy: () => 'so we kept the first',
  },
  {
    name: 'edits',
    repair: 'encode',
    fault: ({ structure }) =>
      structure.hides === 'parts'
        ? 'The file still holds parts that were cut out, which TikTok might show'
        : null,
    remedy: () => 'so we removed them',
  },
  {
    name: 'bytes',
    repair: 'encode',
    fault: ({ bytes }) =>
      bytes <= maxBytes ? null : 'The file is larger than 4 GB, the most that TikTok takes',
    remedy: () => 'so we made it smaller',
  },
];
