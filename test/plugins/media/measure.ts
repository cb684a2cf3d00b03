// Measures a video with ffprobe and ffmpeg alone, not with the code under test.
import { readFileSync } from 'node:fs';
import { QUICK_FFMPEG } from '../../support/ffmpeg.ts';
import { runTool } from '../../support/videos.ts';

export interface Measured {
  container: string;
  duration_s: number;
  video: string;
  pix_fmt: string;
  transfer: string;
  /** In pixels as shown, after rotation. */
  width: number;
  height: number;
  sample_aspect_ratio: string;
  rotation: number;
  fps: number;
  is_constant: boolean;
  /** Null without sound. */
  audio: { codec: string; channels: number; sample_rate: number } | null;
  streams: string[];
  tags: string[];
}

const ENTRIES =
  'format=format_name,duration,start_time:format_tags:stream=codec_type,codec_name,pix_fmt,width,height,sample_aspect_ratio,channels,sample_rate,avg_frame_rate,color_transfer:stream_tags:stream_side_data=rotation:packet=pts_time,stream_index';

/** Throws when ffprobe cannot read it. A file for TikTok can be measured by another ffprobe than the one that made it. */
export async function measure(path: string, ffprobe = 'ffprobe'): Promise<Measured> {
  const args = ['-v', 'error', '-show_entries', ENTRIES, '-of', 'json=compact=1', path];
  const { format, streams, packets } = JSON.parse(await runTool(ffprobe, args));
  const number = streams.findIndex((each: { codec_type: string }) => each.codec_type === 'video');
  const video = streams[number];
  const sound = streams.find((each: { codec_type: string }) => each.codec_type === 'audio');
  const times: number[] = packets
    .filter((packet: { stream_index: number }) => packet.stream_index === number)
    .map((packet: { pts_time: string }) => Number(packet.pts_time));
  const rotation = video.side_data_list?.find((each: object) => 'rotation' in each)?.rotation ?? 0;
  const [over, under] = (video.avg_frame_rate as string).split('/').map(Number);
  const sides = [video.width, video.height];
  const [width, height] = Math.abs(rotation) % 180 === 90 ? sides.reverse() : sides;
  return {
    container: format.format_name,
    duration_s: Number(format.duration) - blankOf(format),
    video: video.codec_name,
    pix_fmt: video.pix_fmt,
    transfer: video.color_transfer ?? 'unknown',
    width,
    height,
    sample_aspect_ratio: video.sample_aspect_ratio ?? '1:1',
    rotation,
    fps: (over ?? 0) / (under ?? 1),
    is_constant: isConstant(times),
    audio: sound
      ? {
          codec: sound.codec_name,
          channels: sound.channels,
          sample_rate: Number(sound.sample_rate),
        }
      : null,
    streams: streams.map((each: { codec_type: string }) => each.codec_type),
    tags: [format, ...streams].flatMap(({ tags }) => Object.keys(tags ?? {})),
  };
}

/** An MP4's duration includes the blank time at its beginning; a transport stream's does not. */
function blankOf({ format_name, start_time }: { format_name: string; start_time: string }): number {
  return format_name.includes('mp4') ? Math.max(0, Number(start_time)) : 0;
}

/** True when no frame comes much sooner or later than the others. */
function isConstant(times: number[]): boolean {
  const sorted = times.sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((at, number) => at - (sorted[number] ?? 0));
  return Math.max(...gaps) < 2 * Math.min(...gaps) + 0.004;
}

const TEN_MS = ['aresample=8000:async=1:first_pts=0', 'asetnsamples=80'];
const PEAKS =
  'astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.Peak_level:file=-';

/** Returns when the first bright picture is shown and the first loud sample is heard, in seconds. */
export async function flashAndBeep(path: string): Promise<{ flash: number; beep: number }> {
  const input = ['-v', 'error', '-nostdin', '-i', path];
  const [lights, sound] = await Promise.all([
    runTool(QUICK_FFMPEG.FFMPEG_PATH, [
      ...input,
      ...[
        '-vf',
        'format=gray,scale=32:32,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-',
      ],
      ...['-an', '-f', 'null', '-'],
    ]),
    // Late sound is preceded by silence.
    runTool(QUICK_FFMPEG.FFMPEG_PATH, [
      ...input,
      ...['-vn', '-af', [...TEN_MS, PEAKS].join(','), '-f', 'null', '-'],
    ]),
  ]);
  return {
    flash: firstAbove(lights, 'YAVG', 90),
    beep: firstAbove(sound, 'Peak_level', -12),
  };
}

function firstAbove(text: string, key: string, limit: number): number {
  const found = text.matchAll(new RegExp(`pts_time:([\\d.-]+)\\n\\S*${key}=(\\S+)`, 'g'));
  for (const [, at, value] of found) if (Number(value) > limit) return Number(at);
  return Number.NaN;
}

/** Returns the types of the top-level boxes of an MP4, in order. */
export function layoutOf(path: string): string[] {
  const bytes = readFileSync(path);
  const types: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += bytes.readUInt32BE(at) || bytes.length)
    types.push(bytes.toString('latin1', at + 4, at + 8));
  return types;
}
