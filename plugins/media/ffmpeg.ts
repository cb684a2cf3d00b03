// Runs ffmpeg and ffprobe in the cage, on local files only; no other file starts them.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import ffmpeg from 'fluent-ffmpeg';
import type { z } from 'zod';
import { Problem } from '#plugin';
import { DECODERS, DEMUXERS, MAX_PIXELS } from './readable.ts';

const CAGED_FFMPEG = join(import.meta.dirname, 'caged-ffmpeg.sh');
const CAGE = join(import.meta.dirname, 'caged.sh');
const PROBE_MS = 60_000;
/** The packets of ten minutes at sixty frames a second, with sound, take half of this. */
const PROBE_BYTES = 16_000_000;

const INPUT_OPTIONS = [
  ...['-protocol_whitelist', 'file'],
  ...['-format_whitelist', DEMUXERS.join(',')],
  ...['-codec_whitelist', DECODERS.join(',')],
  ...['-max_pixels', `${MAX_PIXELS}`, '-max_streams', '100'],
];

ffmpeg.setFfmpegPath(CAGED_FFMPEG);
const library = ffmpeg as unknown as {
  prototype: { _checkCapabilities(done: () => void): void; ffprobe(): void };
};
// The library asks ffmpeg for its capabilities first, and cannot read the form in which newer
// versions print them.
library.prototype._checkCapabilities = (done) => done();
// For a percentage that nobody reads, it runs an ffprobe of its own, outside of the cage.
library.prototype.ffprobe = () => {};

/** ffmpeg or ffprobe refused the file. `lines` is the end of its error output, without paths. */
export class FfmpegFailure extends Error {
  override name = 'FfmpegFailure';
  readonly lines: string;
  readonly hasCrashed: boolean;
  constructor(lines: string, hasCrashed = false) {
    super('ffmpeg could not read the file');
    this.lines = lines.replaceAll(/\/\S+/g, '…').slice(-600);
    this.hasCrashed = hasCrashed;
  }
  /**
   * The codec for which this ffmpeg has no decoder, or none on our list; undefined for other
   * faults.
   */
  get unreadableCodec(): string | undefined {
    const found =
      /Codec \((\w+)\) not on whitelist|Decoder \(codec (\w+)\) not found|no decoder found for: (\w+)/.exec(
        this.lines,
      );
    return found?.slice(1).find(Boolean);
  }
}

/**
 * Runs ffprobe and returns its JSON, checked by `schema`.
 *
 * @throws FfmpegFailure when the file is not media, or in a container that we do not take; the
 *   signal's reason when it aborts; Error when ffprobe is missing.
 */
export async function runProbe<T>(
  path: string,
  { options, schema, signal }: { options: string[]; schema: z.ZodType<T>; signal: AbortSignal },
): Promise<T> {
  const args = ['ffprobe', '-v', 'error', ...INPUT_OPTIONS, ...options];
  const cwd = await mkdtemp(join(dirname(path), 'probe-'));
  try {
    const { stdout } = await promisify(execFile)(
      CAGE,
      [...args, '-of', 'json=compact=1', '-i', `file:${path}`],
      { cwd, timeout: PROBE_MS, killSignal: 'SIGKILL', maxBuffer: PROBE_BYTES, signal },
    );
    return schema.parse(JSON.parse(stdout));
  } catch (error) {
    signal.throwIfAborted();
    const {
      stderr,
      code,
      signal: killedBy,
    } = error as {
      stderr?: string;
      code?: number | string;
      signal?: string;
    };
    if (code === 127 || code === 'ENOENT') throw new Error('ffprobe was not found');
    throw new FfmpegFailure(stderr ?? 'ffprobe took too long.', killedBy === 'SIGSEGV');
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/** One run of ffmpeg. */
export interface Work {
  input: string;
  /** When absent, ffmpeg decodes to the end and writes nothing. */
  output?: string;
  /** Options that stand before the input, e.g. the decoder to use. */
  inputOptions?: string[];
  options: string[];
  /** The length of the input, by which progress is computed. */
  durationMs: number;
  timeLimitMs: number;
  /** An empty folder for this run alone, since ffmpeg may write temporary files into it. */
  cwd: string;
  signal: AbortSignal;
  /** Called with 0…1 while ffmpeg works. */
  progress?: (fraction: number) => void;
}

/** How many frames ffmpeg reported at its end. */
export interface Reached {
  frames: number;
}

/**
 * Runs ffmpeg to its end, and kills it on abort and at the time limit.
 *
 * @throws FfmpegFailure when the file is at fault; Problem `storage_full` when the disk is full;
 *   the signal's reason when it aborts; Error when the machine is at fault.
 */
export function runFfmpeg(work: Work): Promise<Reached> {
  return new Promise((resolve, reject) => {
    work.signal.throwIfAborted();
    const command = ffmpeg({ cwd: work.cwd, logger: undefined } as ffmpeg.FfmpegCommandOptions)
      .input(`file:${work.input}`)
      .inputOptions(['-nostdin', '-v', 'error', '-stats', ...INPUT_OPTIONS])
      .inputOptions(work.inputOptions ?? [])
      .outputOptions(work.options)
      .output(work.output ? `file:${work.output}` : '-');
    const kill = () => command.kill('SIGKILL');
    let isTooSlow = false;
    let frames = 0;
    const limit = setTimeout(() => {
      isTooSlow = true;
      kill();
    }, work.timeLimitMs);
    work.signal.addEventListener('abort', kill, { once: true });
    const settle = () => {
      clearTimeout(limit);
      work.signal.removeEventListener('abort', kill);
    };
    command.on('progress', (now) => {
      frames = now.frames || frames;
      work.progress?.(Math.min(1, toMilliseconds(now.timemark) / Math.max(1, work.durationMs)));
    });
    command.on('end', () => {
      settle();
      resolve({ frames });
    });
    command.on('error', (error, _stdout, stderr) => {
      settle();
      if (work.signal.aborted) reject(work.signal.reason);
      else if (isTooSlow) reject(new FfmpegFailure('ffmpeg took too long.'));
      else reject(toFault(error.message, stderr ?? ''));
    });
    command.run();
  });
}

/** Tells a fault of the file from a full disk and from a fault of this machine. */
function toFault(message: string, stderr: string): Error {
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return new Problem(
      'storage_full',
      'The server has no free space to convert the video at the moment.',
    );
  }
  // The file caused a crash or a broken limit, and would cause it again. Other kills are not its
  // fault.
  const isStopped = /killed with signal (?!SIG(SEGV|ABRT|BUS|FPE|ILL|XCPU|XFSZ))/.test(message);
  if (isStopped || /Cannot allocate memory|No such filter|Unknown encoder/.test(stderr)) {
    return new Error('ffmpeg could not do its work on this machine');
  }
  return new FfmpegFailure(stderr);
}

/** `00:01:02.34` → 62,340; `N/A` → 0. */
function toMilliseconds(timemark: string): number {
  const [hours, minutes, seconds] = timemark.split(':').map(Number);
  const total = ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000;
  return Number.isFinite(total) ? total : 0;
}
