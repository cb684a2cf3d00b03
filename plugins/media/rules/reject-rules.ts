// The rules that no conversion can satisfy: a video that breaks one is refused.
import { TIKTOK_LIMITS } from '#plugin';
import { cannotRead, isReadable, MAX_PIXELS } from '../readable.ts';
import type { Rule } from './rule.ts';

const { minDurationMs, maxDurationMs } = TIKTOK_LIMITS.video;

const seconds = (ms: number) => (ms / 1000).toFixed(1);

export const REFUSALS: Rule[] = [
  {
    name: 'is_video',
    repair: 'refuse',
    fault: ({ video, structure }) =>
      video &&
      video.width > 0 &&
      video.height > 0 &&
      !/^(heic|heix|mif1|avif)$/.test(structure.brand)
        ? null
        : 'There is no moving picture in this file',
  },
  {
    name: 'encrypted',
    repair: 'refuse',
    fault: ({ structure }) =>
      structure.isEncrypted ? 'The file is encrypted, so nobody can play it without its key' : null,
  },
  {
    name: 'self_contained',
    repair: 'refuse',
    fault: ({ structure }) =>
      structure.hasExternalData
        ? 'The pictures of this video are stored in another file, which was not uploaded'
        : null,
  },
  {
    name: 'readable',
    repair: 'refuse',
    fault({ video, audio }) {
      const codec = [video?.codec, audio?.codec].find((each) => each && !isReadable(each));
      if (codec) return cannotRead(codec);
      return video?.isDolbyOnly
        ? 'The video is in a form of Dolby Vision that we cannot read; save it as HDR10 or SDR'
        : null;
    },
  },
  {
    name: 'duration',
    repair: 'refuse',
    fault({ durationMs }) {
      // A frame or two less than a second still counts as one.
      if (durationMs < minDurationMs - 50)
        return `The video is ${seconds(durationMs)} seconds long; TikTok takes at least 1 second`;
      if (durationMs > maxDurationMs)
        return `The video is ${seconds(durationMs)} seconds long; TikTok takes at most 10 minutes`;
      return null;
    },
  },
  {
    name: 'picture_size',
    repair: 'refuse',
    fault: ({ video }) =>
      video && video.width * video.height > MAX_PIXELS
        ? `The picture is ${video.width}×${video.height}, more than we can convert`
        : null,
  },
];
