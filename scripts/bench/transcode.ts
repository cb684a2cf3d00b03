// Measures media.prepare against ffmpeg alone, and copying the picture against encoding it.
import { execFile } from 'node:child_process';
import { copyFile, link, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { planFor, planToRescue } from '../../plugins/media/plan.ts';
import { prepare } from '../../plugins/media/prepare.ts';
import { probe } from '../../plugins/media/probe.ts';
import type { Job, StepContext } from '../../src/plugin.ts';
import { type Ratio, seconds, sizeFrom, tell } from './report.ts';

const ROUNDS = sizeFrom('BENCH_ROUNDS', 5);
/** The length of a usual post. */
const LENGTH_S = 30;
const LARGE_BYTES = sizeFrom('BENCH_BYTES', 200_000_000);
const signal = new AbortController().signal;

export async function transcode(): Promise<Ratio[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pm3k-bench-'));
  try {
    return [await overhead(folder), ...(await packing(folder))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures media.prepare against a bare ffmpeg with the same arguments, by turns. */
async function overhead(folder: string): Promise<Ratio> {
  const source = join(folder, 'source.avi');
  await ffmpeg([
    ...['-f', 'lavfi', '-i', `testsrc2=size=1080x1920:rate=30:duration=${LENGTH_S}`],
    ...[
      '-f',
      'lavfi',
      '-i',
      `sine=duration=${LENGTH_S}`,
      '-c:v',
      'mpeg4',
      '-q:v',
      '3',
      '-c:a',
      'mp3',
      source,
    ],
  ]);
  const { options, inputOptions } = planFor(await probe(source, signal));
  const bare = ['-nostdin', ...inputOptions, '-i', source, ...options, join(folder, 'bare.mp4')];
  const times: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.bare.push(await measureTime(() => ffmpeg(bare)));
    times.ours.push(await measureTime(() => prepareIn(folder, source)));
  }
  tell(
    `${LENGTH_S} s of 1080×1920: ${seconds(median(times.bare))} bare, ${seconds(median(times.ours))} ours`,
  );
  return {
    what: 'media.prepare ÷ bare ffmpeg',
    // Each round against the bare one right before it, since both then share the machine's other
    // load.
    ratio: median(times.ours.map((ms, round) => ms / (times.bare[round] ?? ms))),
    limit: 1.05,
  };
}

/**
 * Measures a large file in the wrong container: copied, copied and played to its end, and encoded.
 */
async function packing(folder: string): Promise<Ratio[]> {
  const source = await largeFile(folder);
  const found = await probe(source, signal);
  const [pack, rescue] = [planFor(found), planToRescue(found, 'unpackable')];
  const runs = (options: string[]) =>
    measureTime(() => ffmpeg(['-nostdin', '-i', source, ...options, join(folder, 'made.mp4')]));
  const packed = median([
    await runs(pack.options),
    await runs(pack.options),
    await runs(pack.options),
  ]);
  const whole = await measureTime(() => prepareIn(folder, source));
  const converted = await runs(rescue.options);
  const { size } = await stat(source);
  tell(
    `${Math.round(size / 1e6)} MB: ${seconds(packed)} packed, ${seconds(whole)} with playing it to its end, ${seconds(converted)} converted`,
  );
  return [
    { what: 'remux ÷ re-encode', ratio: packed / converted, limit: 0.05 },
    { what: 'all of media.prepare with a remux ÷ re-encode', ratio: whole / converted, limit: 0.5 },
  ];
}

/** Returns the path of a large file: two seconds of a busy picture, repeated. */
async function largeFile(folder: string): Promise<string> {
  const part = join(folder, 'part.mkv');
  await ffmpeg([
    ...['-f', 'lavfi', '-i', 'testsrc2=size=1080x1920:rate=30:duration=2,noise=alls=20:allf=t'],
    ...['-f', 'lavfi', '-i', 'sine=duration=2', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-pix_fmt', 'yuv420p', '-b:v', '20M', '-c:a', 'aac', part],
  ]);
  const { size } = await stat(part);
  const path = join(folder, 'large.mkv');
  const times = Math.ceil(LARGE_BYTES / size) - 1;
  await ffmpeg(['-stream_loop', `${times}`, '-i', part, '-map', '0', '-c', 'copy', path]);
  return path;
}

/** Runs media.prepare on a stand-in for the storage that links and copies as the disk's does. */
async function prepareIn(folder: string, source: string): Promise<void> {
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  const context = {
    scratch,
    signal,
    progress() {},
    checkpoint() {},
    log: { info() {} },
    storage: {
      size: async () => (await stat(source)).size,
      checkout: async () => {
        const path = join(scratch, 'source');
        await link(source, path);
        return path;
      },
    },
    storeCopy: async (made: string) => {
      await copyFile(made, join(scratch, 'kept'));
      return { storage_key: 'kept', bytes: (await stat(made)).size, sha256: '' };
    },
  } as unknown as StepContext;
  await prepare({ source_key: 'source', destination: 'inbox' } as Job, context);
  await rm(scratch, { recursive: true });
}

/** Runs ffmpeg at the priority that the cage gives it, so that other load slows both equally. */
async function ffmpeg(args: string[]): Promise<void> {
  await promisify(execFile)('nice', ['-n', '10', 'ffmpeg', '-v', 'error', '-y', ...args]);
}

async function measureTime(work: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await work();
  return performance.now() - beganAt;
}

function median(times: number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}
