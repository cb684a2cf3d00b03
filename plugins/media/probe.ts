// Turns ffprobe's output and the file's own layout into one typed value.
import type { z } from 'zod';
import { runProbe } from './ffmpeg.ts';
import { output, type Stream } from './ffprobe-output.ts';
import { readStructure, type Structure } from './structure.ts';
import { measureTiming, SHOW_FIRST_PACKETS, type Timing } from './timing.ts';

export interface VideoStream {
  index: number;
  codec: string;
  pixFmt: string;
  /** In pixels as shown: after rotation, and with square pixels. */
  width: number;
  height: number;
  hasSquarePixels: boolean;
  isInterlaced: boolean;
  hasAlpha: boolean;
  /** PQ and HLG are HDR; `wide` is SDR with more colours than BT.709. */
  dynamicRange: 'sdr' | 'pq' | 'hlg' | 'wide';
  /** Dolby Vision of a profile that other players cannot show. */
  isDolbyOnly: boolean;
  /** Average frames a second. */
  fps: number;
  hasVariableFps: boolean;
  /** How much later than the sound the picture begins. */
  delayMs: number;
}

export interface AudioStream {
  index: number;
  codec: string;
  profile: string;
  channels: number;
  sampleRate: number;
}

export interface Probe {
  /** ffprobe's names of the container, e.g. `mov,mp4,m4a,3gp,3g2,mj2`. */
  container: string;
  structure: Structure;
  bytes: number;
  durationMs: number;
  /** Whether the file states its own duration. */
  hasDuration: boolean;
  /** How long the file shows and plays nothing at its beginning. */
  blankMs: number;
  /** Null when there is no moving picture. */
  video: VideoStream | null;
  /** The track that players play; null when there is no sound. */
  audio: AudioStream | null;
  audioTracks: number;
  /** How many streams are neither picture nor sound: timecode, GPS, subtitles, covers, chapters. */
  otherStreams: number;
  /** The names of all tags, of the file and of its streams. */
  tags: string[];
  /** Codec and tag of each stream that is neither picture nor sound. */
  otherCodecs: string[];
}

/**
 * Reads a media file without judging it.
 *
 * @throws FfmpegFailure when it is not media, or in a container that we do not take.
 */
export async function probe(path: string, signal: AbortSignal): Promise<Probe> {
  const options = ['-show_format', '-show_streams', '-show_chapters', ...SHOW_FIRST_PACKETS];
  const found = await runProbe(path, { options, schema: output, signal });
  const video = found.streams.find(isPicture);
  const { format_name, duration, start_time } = found.format;
  // An MP4's duration includes the blank time at its beginning.
  const statedS = duration - Math.max(0, start_time);
  const timing = await measureTiming(
    path,
    {
      index: video?.index ?? 0,
      durationS: isReliable(format_name) ? statedS : null,
      firstPackets: found.packets,
    },
    signal,
  );
  return readProbe(found, await readStructure(path), timing);
}

/** Only these containers state a duration; ffprobe guesses that of others from the bit rate. */
function isReliable(container: string): boolean {
  return /mov|matroska|avi|flv/.test(container);
}

function isPicture({ codec_type, disposition }: Stream): boolean {
  return codec_type === 'video' && !disposition?.attached_pic;
}

function readProbe(
  { streams, format, chapters }: z.output<typeof output>,
  structure: Structure,
  timing: Timing,
): Probe {
  const video = streams.find(isPicture);
  const sounds = streams.filter((each) => each.codec_type === 'audio');
  // Some phones add a second track in a codec that only they can read.
  const heard = sounds.filter((each) => each.codec_name && each.codec_name !== 'unknown');
  const sound = heard.find((each) => each.disposition?.default) ?? heard[0] ?? sounds[0];
  const others = streams.filter((each) => each !== video && !sounds.includes(each));
  const starts = [video, sound].flatMap((each) =>
    each?.start_time === undefined ? [] : [each.start_time],
  );
  const delayS = (video?.start_time ?? 0) - Math.min(...starts, video?.start_time ?? 0);
  return {
    container: format.format_name,
    structure,
    bytes: Number(format.size ?? 0),
    durationMs: Math.round(timing.durationS * 1000),
    hasDuration: format.duration > 0,
    blankMs: Math.round(Math.max(0, format.start_time) * 1000),
    video: video ? readVideo(video, timing, delayS) : null,
    audio: sound ? readAudio(sound) : null,
    audioTracks: sounds.length,
    otherStreams: others.length + (chapters.length > 0 ? 1 : 0),
    tags: [format.tags, ...streams.map(({ tags }) => tags)].flatMap((tags) => Object.keys(tags)),
    otherCodecs: others.map((each) => `${each.codec_name ?? ''} ${each.codec_tag_string}`),
  };
}

function readAudio(sound: Stream): AudioStream {
  return {
    index: sound.index,
    codec: sound.codec_name ?? 'unknown',
    profile: sound.profile ?? '',
    channels: sound.channels ?? 0,
    sampleRate: sound.sample_rate ?? 0,
  };
}

function readVideo(video: Stream, timing: Timing, delayS: number): VideoStream {
  const meant = ratio(video.sample_aspect_ratio?.replace(':', '/')) || 1;
  // Scaling software rounds, so up to a hundredth off counts as square.
  const aspect = Math.abs(meant - 1) < 0.01 ? 1 : meant;
  const turned = video.side_data_list.find((each) => each.rotation !== undefined)?.rotation;
  const rotation = turned ?? Number(video.tags['rotate'] ?? 0);
  const isSideways = Math.abs(Math.round(rotation)) % 180 === 90;
  const width = Math.round((video.width ?? 0) * aspect);
  const height = video.height ?? 0;
  const pixFmt = video.pix_fmt ?? 'unknown';
  const dolby = video.side_data_list.find((each) => each.dv_profile !== undefined)?.dv_profile;
  return {
    index: video.index,
    codec: video.codec_name ?? 'unknown',
    pixFmt,
    width: isSideways ? height : width,
    height: isSideways ? width : height,
    hasSquarePixels: aspect === 1,
    isInterlaced: ['tt', 'bb', 'tb', 'bt'].includes(video.field_order ?? ''),
    hasAlpha: /^(yuva|rgba|bgra|argb|abgr|gbrap|ya\d)/.test(pixFmt) || hasAlphaMode(video),
    dynamicRange: readDynamicRange(video),
    isDolbyOnly: dolby === 5,
    fps: timing.fps ?? ratio(video.avg_frame_rate),
    hasVariableFps: timing.isVariable,
    delayMs: Math.round(delayS * 1000),
  };
}

/** VP8 and VP9 store transparency in a second picture, which only this tag announces. */
function hasAlphaMode({ tags }: Stream): boolean {
  return (tags['alpha_mode'] ?? tags['ALPHA_MODE']) === '1';
}

function readDynamicRange({
  color_transfer,
  color_primaries,
}: Stream): VideoStream['dynamicRange'] {
  if (color_transfer === 'smpte2084') return 'pq';
  if (color_transfer === 'arib-std-b67') return 'hlg';
  return color_primaries === 'bt2020' ? 'wide' : 'sdr';
}

/** `30000/1001` → 29.97; 0 when the text is not a ratio. */
function ratio(text = ''): number {
  const [over, under = 1] = text.split('/').map(Number);
  const value = (over ?? 0) / under;
  return Number.isFinite(value) && value > 0 ? value : 0;
}
