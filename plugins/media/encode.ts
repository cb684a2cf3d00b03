// ffmpeg's options for what is sent: the same picture packed anew, or a new one.

import type { Probe, VideoStream } from './probe.ts';
import { isPlainAac, type Target } from './target.ts';
import { toneMap } from './tone-mapping.ts';

const AAC = ['-c:a', 'aac', '-b:a', '192k', '-ar', '48000', '-ac', '2'];
const OPUS = ['-c:a', 'libopus', '-b:a', '128k', '-ac', '2'];

/** No notes and chapters, no subtitles and data: nobody means to publish where they live. */
const BARE = ['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn'];
const CONTAINER = {
  mp4: ['-movflags', '+faststart', '-f', 'mp4'],
  webm: ['-f', 'webm'],
};

/** Fills what the sound lacks at its beginning, so that it fits the picture in every player. */
const STEADY_SOUND = ['-af', 'aresample=async=1:first_pts=0'];

export function packOptions(
  { video, audio }: Probe,
  container: Target['container'],
  isSoundFine: boolean,
): string[] {
  // Apple's players know H.265 by this name alone.
  const tag = video?.codec === 'hevc' ? ['-tag:v', 'hvc1'] : [];
  const encoded = [...(container === 'webm' ? OPUS : AAC), ...STEADY_SOUND];
  return [
    ...mapStreams(video, audio),
    ...['-c:v', 'copy', ...tag],
    ...(isSoundFine ? ['-c:a', 'copy'] : encoded),
    ...BARE,
    ...CONTAINER[container],
  ];
}

function mapStreams(video: Probe['video'], audio: Probe['audio']): string[] {
  return [video, audio].flatMap((each) => (each ? ['-map', `0:${each.index}`] : []));
}

// Quality that TikTok's own conversion does not spoil visibly; ten minutes at the highest rate stay below 4 GB.
const H264 = [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-profile:v', 'high'],
  ...['-maxrate', '40M', '-bufsize', '80M', '-pix_fmt', 'yuv420p'],
];

export function encodeOptions(
  probe: Probe,
  target: Target,
): { inputOptions: string[]; options: string[] } {
  const { video, audio, structure } = probe;
  if (!video) throw new Error('Expected a picture to convert');
  const isKept = isPlainAac(probe) && structure.hides === 'nothing' && !structure.isCutOff;
  return {
    inputOptions: chooseDecoder(video),
    options: [
      ...mapStreams(video, audio),
      ...['-vf', filtersFor(video, target).join(',')],
      ...H264,
      ...describeColours(video),
      ...(isKept ? ['-c:a', 'copy'] : [...AAC, ...STEADY_SOUND]),
      ...BARE,
      ...CONTAINER.mp4,
    ],
  };
}

/** Only libvpx reads the transparency of VP8 and VP9. */
function chooseDecoder({ codec, hasAlpha }: VideoStream): string[] {
  if (!hasAlpha || !/^vp[89]$/.test(codec)) return [];
  return ['-c:v', codec === 'vp8' ? 'libvpx' : 'libvpx-vp9'];
}

function filtersFor(video: VideoStream, target: Target): string[] {
  const { shown, width, height, fps } = target;
  const startsLate = video.delayMs > 50;
  const rate = fps ?? (startsLate ? video.fps : null);
  // A sound that begins earlier is heard over the first picture.
  const pace = rate ? [`fps=${Number(rate.toFixed(3))}${startsLate ? ':start_time=0' : ''}`] : [];
  const isFewer = rate !== null && rate < video.fps;
  const isScaled = video.width !== shown.width || video.height !== shown.height;
  return [
    ...(video.isInterlaced ? ['bwdif=mode=send_frame:deint=all'] : []),
    ...(isFewer ? pace : []),
    ...(video.hasAlpha ? [ON_BLACK] : []),
    ...(video.dynamicRange === 'sdr' ? [] : toneMap(video.dynamicRange)),
    ...(isScaled || !video.hasSquarePixels
      ? [`scale=${shown.width}:${shown.height}:flags=bicubic`]
      : []),
    ...(target.isPadded ? [`pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`] : []),
    'setsar=1',
    ...(isFewer ? [] : pace),
    ...(isRgb(video) ? ['scale=out_color_matrix=bt709:out_range=tv'] : []),
    'format=yuv420p',
  ];
}

/** Each colour times its opacity: what is clear turns black. */
const ON_BLACK = 'format=gbrap,premultiply=inplace=1,format=gbrp';

/** From here on its colours are numbers of BT.709: what is not said is guessed by players. */
function isRgb({ pixFmt, hasAlpha, dynamicRange: light }: VideoStream): boolean {
  return hasAlpha || light !== 'sdr' || /^(rgb|bgr|gbr|pal8|0rgb|0bgr)/.test(pixFmt);
}

function describeColours(video: VideoStream): string[] {
  if (!isRgb(video)) return [];
  return [
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709'],
    ...['-color_trc', 'bt709', '-color_range', 'tv'],
  ];
}
