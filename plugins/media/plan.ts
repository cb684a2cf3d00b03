// Decides what must be done to a file: all judgement, no process. The least that helps is chosen.
import { Problem } from '#plugin';
import type { Probe, VideoStream } from './probe.ts';
import { codecName, MAX_FPS, MAX_SIDE, MIN_FPS, MIN_SIDE, RULES } from './rules.ts';

/** `changes`: one sentence each for the creator, with the reason. */
export type Plan =
  | { act: 'nothing'; changes: [] }
  | { act: 'remux' | 'convert'; options: string[]; changes: string[] };

/** What every output has: no metadata (nobody means to publish where they live), index in front. */
const OUTPUT = [
  ...['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn'],
  ...['-movflags', '+faststart', '-f', 'mp4'],
];
const STREAMS = ['-map', '0:v:0', '-map', '0:a:0?'];
const AAC = ['-c:a', 'aac', '-b:a', '160k', '-ar', '48000', '-ac', '2'];

/** Throws `media_rejected` for what cannot be mended. */
export function planFor(probe: Probe): Plan {
  const faults = RULES.flatMap((rule) => {
    const sentence = rule.fault(probe);
    return sentence ? [{ rule, sentence }] : [];
  });
  const hopeless = faults.find(({ rule }) => !rule.can_be_mended);
  if (hopeless) throw rejected(hopeless.sentence, hopeless.rule.name);
  const { video } = probe;
  if (!video) throw rejected('There is no moving picture in this file.', 'is_video');
  if (faults.length > 0) return convert(video, faults);
  return repack(probe);
}

export function rejected(sentence: string, rule: string): Problem {
  return new Problem('media_rejected', `${sentence} (rule: ${rule})`);
}

/** The picture may stay as it is: nothing, or a new container, or new sound. */
function repack(probe: Probe): Plan {
  const changes: string[] = [];
  const [sound] = probe.audio;
  const is_sound_fine = sound === undefined || (sound.codec === 'aac' && sound.channels <= 2);
  if (!isMp4(probe))
    changes.push('Packed into an MP4 file without touching picture or sound: TikTok takes MP4.');
  if (!is_sound_fine)
    changes.push(
      `Converted the sound from ${codecName(sound.codec)} to AAC stereo: TikTok’s players need it.`,
    );
  if (probe.audio.length > 1)
    changes.push('Kept the first of several sound tracks: TikTok plays one.');
  if (probe.has_location)
    changes.push('Removed the place where it was filmed: it would have been sent along.');
  else if (probe.other_streams > 0)
    changes.push('Removed data that is neither picture nor sound: TikTok does not take it.');
  if (changes.length === 0) return { act: 'nothing', changes: [] };
  const audio = is_sound_fine ? ['-c:a', 'copy'] : AAC;
  return { act: 'remux', options: [...STREAMS, '-c:v', 'copy', ...audio, ...OUTPUT], changes };
}

function isMp4({ container, brand }: Probe): boolean {
  return container.split(',').includes('mp4') && brand.trim() !== 'qt';
}

function convert(video: VideoStream, faults: { rule: { name: string }; sentence: string }[]): Plan {
  const fps = targetFps(video);
  const { width, height } = targetSize(video);
  const filters = [
    ...(video.is_interlaced ? ['yadif'] : []),
    ...(video.is_hdr ? [TONE_MAP] : []),
    `scale=${width}:${height}:flags=bicubic`,
    'setsar=1',
    ...(fps ? [`fps=${fps}`] : []),
    'format=yuv420p',
  ];
  const picture = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-profile:v', 'high'];
  return {
    act: 'convert',
    options: [...STREAMS, '-vf', filters.join(','), ...picture, ...AAC, ...OUTPUT],
    changes: faults.map(({ rule, sentence }) =>
      explain(rule.name, sentence, video, { fps, width, height }),
    ),
  };
}

// From PQ or HLG to the colours of ordinary screens.
const TONE_MAP =
  'zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv';

/** A whole rate within the limits, or null when the present one may stay. */
function targetFps({ fps, has_variable_fps }: VideoStream): number | null {
  if (fps > MAX_FPS) return Number.isInteger(fps / 2) && fps / 2 <= MAX_FPS ? fps / 2 : MAX_FPS;
  if (fps < MIN_FPS) return 30;
  return has_variable_fps ? Math.min(MAX_FPS, Math.max(24, Math.round(fps))) : null;
}

/** Even sides within the limits, the shape kept as far as they allow. */
function targetSize({ width, height }: VideoStream): { width: number; height: number } {
  const up = Math.max(1, MIN_SIDE / Math.min(width, height));
  const down = Math.min(1, MAX_SIDE / (Math.max(width, height) * up));
  const side = (length: number) =>
    Math.min(MAX_SIDE, Math.max(MIN_SIDE, Math.round((length * up * down) / 2) * 2));
  return { width: side(width), height: side(height) };
}

/** TikTok's list beside H.264; what is on it could be posted as well. */
const TAKEN = ['hevc', 'vp8', 'vp9'];

function explain(
  rule: string,
  sentence: string,
  video: VideoStream,
  target: { fps: number | null; width: number; height: number },
): string {
  if (rule === 'codec' && video.codec !== 'h264') {
    return TAKEN.includes(video.codec)
      ? `Re-encoded from ${codecName(video.codec)} to H.264, which TikTok takes most surely.`
      : `Re-encoded from ${codecName(video.codec)} to H.264: TikTok does not take it.`;
  }
  if (rule === 'codec') return `${sentence} We converted it to plain H.264.`;
  if (rule === 'frame_rate') return `${sentence} We converted it to ${target.fps}.`;
  if (rule === 'picture_size')
    return `${sentence} We scaled it to ${target.width}×${target.height}.`;
  return `${sentence} We converted it.`;
}
