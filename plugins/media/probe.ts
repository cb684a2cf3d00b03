// Turns ffprobe's JSON into a typed value: what the file really is, whatever it is called.
import { z } from 'zod';
import { runProbe } from './ffmpeg.ts';

const stream = z.looseObject({
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  pix_fmt: z.string().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  sample_aspect_ratio: z.string().optional(),
  field_order: z.string().optional(),
  color_transfer: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  r_frame_rate: z.string().optional(),
  duration: z.string().optional(),
  channels: z.number().optional(),
  disposition: z.looseObject({ attached_pic: z.number().optional() }).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  side_data_list: z.array(z.looseObject({ rotation: z.coerce.number().optional() })).optional(),
});
type Stream = z.output<typeof stream>;

const output = z.looseObject({
  streams: z.array(stream).default([]),
  format: z.looseObject({
    format_name: z.string(),
    duration: z.string().optional(),
    size: z.string().optional(),
    tags: z.record(z.string(), z.string()).optional(),
  }),
});

export interface VideoStream {
  codec: string;
  pix_fmt: string;
  /** As shown: rotation and non-square pixels applied. */
  width: number;
  height: number;
  has_square_pixels: boolean;
  is_rotated: boolean;
  is_interlaced: boolean;
  is_hdr: boolean;
  /** Average frames a second. */
  fps: number;
  has_variable_fps: boolean;
}

export interface Probe {
  /** ffprobe's names of the container, e.g. `mov,mp4,m4a,3gp,3g2,mj2`. */
  container: string;
  /** The brand of an MP4 or MOV, e.g. `isom` or `qt  `. */
  brand: string;
  bytes: number;
  duration_ms: number;
  /** Null when there is no moving picture. */
  video: VideoStream | null;
  audio: { codec: string; channels: number }[];
  /** Streams that are neither picture nor sound: timecode, GPS tracks, subtitles, covers. */
  other_streams: number;
  has_location: boolean;
}

export async function probe(path: string, signal: AbortSignal): Promise<Probe> {
  return readProbe(await runProbe(path, signal));
}

export function readProbe(json: unknown): Probe {
  const { streams, format } = output.parse(json);
  const pictures = streams.filter(
    (each) => each.codec_type === 'video' && !each.disposition?.attached_pic,
  );
  const [video] = pictures;
  const sounds = streams.filter((each) => each.codec_type === 'audio' && each.codec_name);
  const duration_s = Number(format.duration ?? video?.duration ?? 0);
  return {
    container: format.format_name,
    brand: format.tags?.['major_brand'] ?? '',
    bytes: Number(format.size ?? 0),
    duration_ms: Math.round((Number.isFinite(duration_s) ? duration_s : 0) * 1000),
    video: video ? readVideo(video) : null,
    audio: sounds.map((each) => ({ codec: each.codec_name ?? '', channels: each.channels ?? 0 })),
    other_streams: streams.length - (video ? 1 : 0) - sounds.length,
    has_location: hasLocation(format.tags) || streams.some((each) => hasLocation(each.tags)),
  };
}

function readVideo(video: Stream): VideoStream {
  const aspect = ratio(video.sample_aspect_ratio?.replace(':', '/')) || 1;
  const rotation =
    video.side_data_list?.find((each) => each.rotation !== undefined)?.rotation ??
    Number(video.tags?.['rotate'] ?? 0);
  const is_sideways = Math.abs(rotation) % 180 === 90;
  const width = Math.round((video.width ?? 0) * aspect);
  const height = video.height ?? 0;
  const average = ratio(video.avg_frame_rate);
  const nominal = ratio(video.r_frame_rate);
  return {
    codec: video.codec_name ?? 'unknown',
    pix_fmt: video.pix_fmt ?? 'unknown',
    width: is_sideways ? height : width,
    height: is_sideways ? width : height,
    has_square_pixels: Math.abs(aspect - 1) < 0.001,
    is_rotated: rotation % 360 !== 0,
    is_interlaced: ['tt', 'bb', 'tb', 'bt'].includes(video.field_order ?? ''),
    is_hdr: ['smpte2084', 'arib-std-b67'].includes(video.color_transfer ?? ''),
    fps: average || nominal,
    // A phone's 29.97 that wavers by a hundredth is constant enough for TikTok.
    has_variable_fps: average > 0 && nominal > 0 && Math.abs(nominal - average) / average > 0.02,
  };
}

/** `30000/1001` → 29.97; 0 when there is none. */
function ratio(text = ''): number {
  const [over, under = 1] = text.split('/').map(Number);
  const value = (over ?? 0) / under;
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function hasLocation(tags: Record<string, string> | undefined): boolean {
  return Object.keys(tags ?? {}).some((name) => /location|gps|xyz/i.test(name));
}
