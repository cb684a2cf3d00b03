// Builds ffmpeg's options for the file that is sent: the picture copied, or encoded again.
import type { Probe, VideoStream } from './probe.ts';
import { isPlainAac, type Target } from './target.ts';
import { toneMap } from './tone-mapping.ts';

const AAC = ['-c:a', 'aac', '-b:a', '192k', '-ar', '48000', '-ac', '2'];
const OPUS = ['-c:a', 'libopus', '-b:a', '128k', '-ac', '2'];

/** Drops metadata, chapters, subtitles and data tracks: they can say where a creator lives. */
const BARE = ['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn'];
const CONTAINER = {
  mp4: ['-movflags', '+faststart', '-f', 'mp4'],
  webm: ['-f', 'webm'],
};

/**
 * Fills the gap before late sound with silence, so that every player keeps sound and picture in
 * step.
 */
const STEADY_SOUND = ['-af', 'aresample=async=1:first_pts=0'];

/** Returns the output options that copy the picture into a new container. */
export function packOptions(
  { video, audio }: Probe,
  container: Target['container'],
  isSoundFine: boolean,
): string[] {
  // Apple's players recognise H.265 only by the tag hvc1.
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

// TikTok converts every video again; at this quality that shows no loss. Ten minutes at the highest
// bit rate stay below 4 GB.
const H264 = [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-profile:v', 'high'],
  ...['-maxrate', '40M', '-bufsize', '80M', '-pix_fmt', 'yuv420p'],
];

/** Returns the input and output options that encode the picture as H.264 in MP4. */
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

/** ffmpeg's own decoders for VP8 and VP9 ignore transparency; libvpx reads it. */
function chooseDecoder({ codec, hasAlpha }: VideoStream): string[] {
  if (!hasAlpha || !/^vp[89]$/.test(codec)) return [];
  return ['-c:v', codec === 'vp8' ? 'libvpx' : 'libvpx-vp9'];
}

function filtersFor(video: VideoStream, target: Target): string[] {
  const { shown, width, height, fps } = target;
  const startsLate = video.delayMs > 50;
  const rate = fps ?? (startsLate ? video.fps : null);
  // Sound that begins before the picture is heard over the first picture.
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

/** Multiplies each colour by its opacity, so that transparent pixels become black. */
const ON_BLACK = 'format=gbrap,premultiply=inplace=1,format=gbrp';

/**
 * True when the filters work in RGB. Such a picture is converted to BT.709 and labelled so, because
 * players guess the colours of an unlabelled one.
 */
function isRgb({ pixFmt, hasAlpha, dynamicRange }: VideoStream): boolean {
  return hasAlpha || dynamicRange !== 'sdr' || /^(rgb|bgr|gbr|pal8|0rgb|0bgr)/.test(pixFmt);
}

function describeColours(video: VideoStream): string[] {
  if (!isRgb(video)) return [];
  return [
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709'],
    ...['-color_trc', 'bt709', '-color_range', 'tv'],
  ];
}
