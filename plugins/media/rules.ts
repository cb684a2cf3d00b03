// TikTok's limits for a video as a table; each row tests a probe and says what is wrong in a sentence.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
import type { Probe } from './probe.ts';

export const MIN_FPS = 23;
export const MAX_FPS = 60;
export const MIN_SIDE = 360;
export const MAX_SIDE = 4096;
const MIN_DURATION_MS = 1_000;
/** The API's ceiling; a creator's own may be lower and is asked for before sending. */
const MAX_DURATION_MS = 600_000;
const MAX_BYTES = 4_294_967_296;

export interface Rule {
  name: string;
  /** Whether converting can mend it; else the file is refused. */
  can_be_mended: boolean;
  /** The sentence for the creator, or null when the rule is kept. */
  fault(probe: Probe): string | null;
}

const seconds = (ms: number) => (ms / 1000).toFixed(1);
const round = (fps: number) => Number(fps.toFixed(2));

export const RULES: Rule[] = [
  {
    name: 'is_video',
    can_be_mended: false,
    fault: ({ video }) =>
      video && video.width > 0 && video.height > 0
        ? null
        : 'There is no moving picture in this file.',
  },
  {
    name: 'duration',
    can_be_mended: false,
    fault({ duration_ms }) {
      if (duration_ms < MIN_DURATION_MS)
        return `The video is ${seconds(duration_ms)} seconds long; TikTok takes at least 1 second.`;
      if (duration_ms > MAX_DURATION_MS)
        return `The video is ${Math.round(duration_ms / 60_000)} minutes long; TikTok takes at most 10 minutes.`;
      return null;
    },
  },
  {
    name: 'bytes',
    can_be_mended: true,
    fault: ({ bytes }) =>
      bytes <= MAX_BYTES ? null : 'The file is larger than 4 GB, the most TikTok takes.',
  },
  {
    name: 'codec',
    can_be_mended: true,
    fault({ video }) {
      if (!video || (video.codec === 'h264' && video.pix_fmt === 'yuv420p')) return null;
      if (video.codec === 'h264')
        return 'The picture is H.264 with more than 8 bits or another colour sampling, which many phones cannot play.';
      return `The picture is ${codecName(video.codec)}.`;
    },
  },
  {
    name: 'frame_rate',
    can_be_mended: true,
    fault({ video }) {
      if (!video) return null;
      if (video.fps > MAX_FPS + 0.01)
        return `TikTok takes at most 60 frames a second; yours has ${round(video.fps)}.`;
      if (video.fps < MIN_FPS)
        return `TikTok takes at least 23 frames a second; yours has ${round(video.fps)}.`;
      return video.has_variable_fps ? 'The frame rate changes within the video.' : null;
    },
  },
  {
    name: 'picture_size',
    can_be_mended: true,
    fault({ video }) {
      if (!video) return null;
      const { width, height } = video;
      if (Math.min(width, height) < MIN_SIDE)
        return `TikTok takes at least 360 pixels on each side; yours is ${width}×${height}.`;
      if (Math.max(width, height) > MAX_SIDE)
        return `TikTok takes at most 4096 pixels on each side; yours is ${width}×${height}.`;
      return width % 2 || height % 2
        ? `The picture has an odd number of pixels on a side (${width}×${height}).`
        : null;
    },
  },
  {
    name: 'pixels',
    can_be_mended: true,
    fault: ({ video }) => (!video || video.has_square_pixels ? null : 'The pixels are not square.'),
  },
  {
    name: 'interlacing',
    can_be_mended: true,
    fault: ({ video }) => (video?.is_interlaced ? 'The picture is interlaced.' : null),
  },
  {
    name: 'dynamic_range',
    can_be_mended: true,
    fault: ({ video }) =>
      video?.is_hdr ? 'The picture is HDR, which TikTok shows washed out.' : null,
  },
];

const CODEC_NAMES: Record<string, string> = {
  mpeg4: 'MPEG-4 part 2',
  mpeg2video: 'MPEG-2',
  mpeg1video: 'MPEG-1',
  mjpeg: 'Motion JPEG',
  prores: 'ProRes',
  av1: 'AV1',
  hevc: 'H.265',
  vp8: 'VP8',
  vp9: 'VP9',
  gif: 'GIF',
  wmv3: 'WMV',
  theora: 'Theora',
};

export function codecName(codec: string): string {
  return CODEC_NAMES[codec] ?? codec.toUpperCase();
}
