// The only file that starts ffmpeg and ffprobe: caged, from an argument array, for local files alone.
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
/** Ten minutes at sixty frames a second and their sound need half of it. */
const PROBE_BYTES = 16_000_000;

const INPUT_OPTIONS = [
  ...['-protocol_whitelist', 'file'],
  ...['-format_whitelist', DEMUXERS.join(',')],
  ...['-codec_whitelist', DECODERS.join(',')],
  ...['-max_pixels', `${MAX_PIXELS}`, '-max_streams', '100'],
];

ffmpeg.setFfmpegPath(CAGED_FFMPEG);
// Newer programs print their capabilities in another form, which the library cannot read.
(
  ffmpeg as unknown as { prototype: { _checkCapabilities(done: () => void): void } }
).prototype._checkCapabilities = (done) => done();

/** ffmpeg or ffprobe said no; `lines` are its own last words, without paths. */
export class FfmpegFailure extends Error {
  override name = 'FfmpegFailure';
  readonly lines: string;
  readonly has_crashed: boolean;
  constructor(lines: string, hasCrashed = false) {
    super('ffmpeg could not read the file');
    this.lines = lines.replaceAll(/\/\S+/g, '…').slice(-600);
    this.has_crashed = hasCrashed;
  }
  /** The codec for which this ffmpeg has no decoder, or none that may be used. */
  get unreadable_codec(): string | undefined {
    const found =
      /Codec \((\w+)\) not on whitelist|Decoder \(codec (\w+)\) not found|no decoder found for: (\w+)/.exec(
        this.lines,
      );
    return found?.slice(1).find(Boolean);
  }
}

/** What ffprobe says of a file. Throws FfmpegFailure when it is not media of a container we take. */
export async function runProbe<T>(
  path: string,
  { options, schema, signal }: { options: string[]; schema: z.ZodType<T>; signal: AbortSignal },
): Promise<T> {
  const args = ['ffprobe', '-v', 'error', ...INPUT_OPTIONS, ...options];
  const cwd = await mkdtemp(join(dirname(path), 'look-'));
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
    throw new FfmpegFailure(stderr ?? 'It took too long to look at.', killedBy === 'SIGSEGV');
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

export interface Work {
  input: string;
  /** Absent: decode to the end and throw the pictures away. */
  output?: string;
  /** Before the input, e.g. which decoder reads it. */
  inputOptions?: string[];
  options: string[];
  durationMs: number;
  timeLimitMs: number;
  /** An empty folder of this run alone: ffmpeg may write temporary files where it stands. */
  cwd: string;
  signal: AbortSignal;
  progress?: (fraction: number) => void;
}

/** How far it came, by its own last word. */
export interface Reached {
  frames: number;
}

/**
 * Runs ffmpeg to its end; killed on abort and at the time limit. Throws FfmpegFailure when the file
 * is at fault, `storage_full` when the disk is, and another Error when this machine is.
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
    command.on('progress', (told) => {
      frames = told.frames || frames;
      work.progress?.(Math.min(1, milliseconds(told.timemark) / Math.max(1, work.durationMs)));
    });
    command.on('end', () => {
      settle();
      resolve({ frames });
    });
    command.on('error', (error, _stdout, stderr) => {
      settle();
      if (work.signal.aborted) reject(work.signal.reason);
      else if (isTooSlow) reject(new FfmpegFailure('It took too long.'));
      else reject(verdict(error.message, stderr ?? ''));
    });
    command.run();
  });
}

/** Only what ffmpeg says about the file is the file's fault; a full disk or a kill is not. */
function verdict(message: string, stderr: string): Error {
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return new Problem('storage_full', 'There is no room to convert the video at the moment.');
  }
  // A crash, or a limit that it ran into, is the file's doing; it would be so each time.
  const isStopped = /killed with signal (?!SIG(SEGV|ABRT|BUS|FPE|ILL|XCPU|XFSZ))/.test(message);
  if (isStopped || /Cannot allocate memory|No such filter|Unknown encoder/.test(stderr)) {
    return new Error('ffmpeg could not do its work on this machine');
  }
  return new FfmpegFailure(stderr);
}

/** `00:01:02.34` → milliseconds; `N/A` → 0. */
function milliseconds(timemark: string): number {
  const [hours, minutes, seconds] = timemark.split(':').map(Number);
  const total = ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000;
  return Number.isFinite(total) ? total : 0;
}
