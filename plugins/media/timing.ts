// Measures a video's frame rate, how even it is, and how long the video lasts.
import { z } from 'zod';
import { runProbe } from './ffmpeg.ts';

export interface Timing {
  durationS: number;
  /** Null when there are too few pictures to tell. */
  fps: number | null;
  isVariable: boolean;
}

/** ffprobe's packets, as part of its JSON. */
export const packets = z
  .array(
    z.looseObject({
      stream_index: z.number(),
      pts_time: z.coerce.number().optional(),
      dts_time: z.coerce.number().optional(),
      duration_time: z.coerce.number().optional(),
    }),
  )
  .default([]);
const packetsAlone = z.looseObject({ packets });

/** Up to this length the whole video is read; of a longer one, four pieces. */
const WHOLE_S = 30;
const PIECE_S = 5;

const SHOW_PACKETS = ['-show_entries', 'packet=stream_index,pts_time,dts_time,duration_time'];

/** ffprobe's options for the packets of the first 30 seconds, which most videos do not exceed. */
export const SHOW_FIRST_PACKETS = ['-read_intervals', `%+${WHOLE_S}`, ...SHOW_PACKETS];

/** What a first run of ffprobe found: the picture's stream, its length and its first packets. */
export interface Found {
  index: number;
  /** Null when the container's own length cannot be trusted: all is then read to find it. */
  durationS: number | null;
  firstPackets: Packet[];
}

/** Measures the stream of the picture. It reads the file once more where the first run was too short. */
export async function measureTiming(
  path: string,
  { index, durationS, firstPackets }: Found,
  signal: AbortSignal,
): Promise<Timing> {
  const isKnown = durationS !== null && durationS > 0;
  const isWhole = !isKnown || durationS <= WHOLE_S;
  const found =
    isKnown && isWhole
      ? firstPackets
      : await readPackets(path, isKnown ? listPieces(index, durationS) : [], signal);
  const pictures = found.filter((each) => each.stream_index === index);
  return {
    ...measurePace(listTimes(pictures), isWhole),
    durationS: isKnown ? durationS : measureLength(found),
  };
}

async function readPackets(path: string, some: string[], signal: AbortSignal): Promise<Packet[]> {
  const options = [...some, ...SHOW_PACKETS];
  return (await runProbe(path, { options, schema: packetsAlone, signal })).packets;
}

function listPieces(index: number, durationS: number): string[] {
  return ['-select_streams', `${index}`, '-read_intervals', choosePieces(durationS)];
}

function choosePieces(durationS: number): string {
  const starts = [0, durationS / 3, (durationS * 2) / 3, durationS - PIECE_S];
  return starts.map((start) => `${start.toFixed(3)}%+${PIECE_S}`).join(',');
}

type Packet = z.output<typeof packets>[number];

/**
 * Returns when each picture is shown; empty when the container states some times only, as old ones
 * do.
 */
function listTimes(pictures: Packet[]): number[] {
  for (const clock of ['pts_time', 'dts_time'] as const) {
    const times = pictures.flatMap((each) => each[clock] ?? []);
    if (times.length === pictures.length) return times;
  }
  return [];
}

function measureLength(found: Packet[]): number {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { pts_time, dts_time, duration_time = 0 } of found) {
    const at = pts_time ?? dts_time;
    if (at === undefined) continue;
    first = Math.min(first, at);
    last = Math.max(last, at + duration_time);
  }
  return Number.isFinite(first) ? last - first : 0;
}

/** By what share of the usual gap a gap may differ before it counts as odd. */
const WAVER = 0.25;
const CLOCK_S = 0.004;
/** Players cope with one odd gap in twenty; more make the frame rate variable. */
const ODD_SHARE = 0.05;
const STANDSTILL_S = 0.3;
/** Frames closer than this (330 a second) are VP9's helper frames, which are never shown. */
const SAME_S = 0.003;

function measurePace(times: number[], isWhole: boolean): Pick<Timing, 'fps' | 'isVariable'> {
  const shown: number[] = [];
  for (const at of [...times].sort((a, b) => a - b)) {
    if (at - (shown.at(-1) ?? Number.NEGATIVE_INFINITY) > SAME_S) shown.push(at);
  }
  const gaps = shown.slice(1).map((at, number) => at - (shown[number] ?? 0));
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)];
  if (usual === undefined) return { fps: null, isVariable: false };
  // The gaps between the four pieces are not gaps of the video.
  const seen = isWhole ? gaps : gaps.filter((gap) => gap < Math.max(STANDSTILL_S, usual * 4));
  const mean = seen.reduce((sum, gap) => sum + gap, 0) / seen.length;
  const odd = seen.filter((gap) => Math.abs(gap - usual) > Math.max(usual * WAVER, CLOCK_S));
  const standsStill = usual < STANDSTILL_S / 2 && seen.some((gap) => gap > STANDSTILL_S);
  return { fps: 1 / mean, isVariable: standsStill || odd.length / seen.length > ODD_SHARE };
}
