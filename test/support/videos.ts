// Videos made by ffmpeg's test source; none are committed. Each is made once on a machine, not once in a run.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachePath, partPath } from './cache.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm3k-videos-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const made = new Map<string, Promise<string>>();

export interface Trait {
  size?: string;
  rate?: string;
  seconds?: number;
  /** ffmpeg's output options, codecs and all. */
  options?: string[];
  /** File name extension, which chooses the container. */
  extension?: string;
  has_sound?: boolean;
  /** A white flash and a beep at half a second, for a fifth of one, in an otherwise dark and silent video. */
  has_flash?: boolean;
  /** ffmpeg filters that change the picture before it is encoded. */
  filters?: string;
  /** Further inputs, which `options` map: each a list of ffmpeg's options. */
  inputs?: string[][];
  /** What is done to the bytes of the file. */
  after?: (bytes: Buffer) => Buffer;
}

/** The path of a video with these traits, a file of this process's own. */
export function videoFile(trait: Trait = {}): Promise<string> {
  const key = JSON.stringify({ ...trait, after: trait.after?.toString() });
  const known = made.get(key);
  if (known) return known;
  const path = join(folder, `${made.size}.${trait.extension ?? 'mp4'}`);
  const making = make(path, trait);
  made.set(key, making);
  return making;
}

export async function video(trait: Trait = {}): Promise<Buffer<ArrayBuffer>> {
  return readFileSync(await videoFile(trait)) as Buffer<ArrayBuffer>;
}

/** A path in the folder of this run's videos. */
export function pathFor(name: string): string {
  return join(folder, name);
}

export const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
export const AAC = ['-c:a', 'aac'];
/** What TikTok takes as it is: the index in front, and nothing about its maker. */
export const CONFORMING = [...H264, ...AAC, '-movflags', '+faststart'];

const FLASH =
  "lutyuv=y=val*0.25,drawbox=color=white:thickness=fill:enable='between(t,0.4999,0.6999)'";
const BEEP = "aevalsrc='if(between(t,0.5,0.7),0.8*sin(880*2*PI*t),0)'";

async function make(path: string, trait: Trait): Promise<string> {
  const extension = trait.extension ?? 'mp4';
  // A copy, so that no test can change what the next run finds.
  await copyFile(await findOrEncode(argumentsFor(trait), extension), path);
  // Not kept: a function's text does not show what the functions that it calls would do.
  if (trait.after) await writeFile(path, trait.after(readFileSync(path)));
  return path;
}

function argumentsFor(trait: Trait): string[] {
  const { size = '360x640', rate = '30', seconds = 1.2, has_sound = true, inputs = [] } = trait;
  const source = `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`;
  const filters = [trait.has_flash ? FLASH : '', trait.filters ?? ''].filter(Boolean);
  const picture = [source, ...filters].join(',');
  const tone = trait.has_flash
    ? `${BEEP}:duration=${seconds}:sample_rate=48000`
    : `sine=frequency=440:duration=${seconds}`;
  const sound = has_sound ? ['-f', 'lavfi', '-i', tone] : [];
  return [
    ...['-v', 'error', '-f', 'lavfi', '-i', picture, ...sound, ...inputs.flat()],
    ...(trait.options ?? CONFORMING),
    ...['-fflags', '+bitexact', '-y'],
  ];
}

let version: Promise<string> | undefined;

/** Two that encode the same at once both do it; the file that is renamed last stays, and is whole. */
async function findOrEncode(args: string[], extension: string): Promise<string> {
  version ??= runTool('ffmpeg', ['-version']);
  const hash = createHash('sha256').update(JSON.stringify([await version, args]));
  for (const content of filesAmong(args)) hash.update(content);
  const path = cachePath('videos', `${hash.digest('hex')}.${extension}`);
  if (existsSync(path)) return path;
  const part = partPath(path, `.${extension}`);
  try {
    await runTool('ffmpeg', [...args, part]);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
  return path;
}

/** What ffmpeg reads besides its arguments. */
function filesAmong(args: string[]): Buffer[] {
  return args
    .filter((each, n) => args[n - 1] === '-i' && existsSync(each))
    .map((path) => readFileSync(path));
}

/** A tool's standard output. */
export async function runTool(program: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 50_000_000 });
  return stdout;
}

/** A conforming video, made as long as wanted by random bytes in a box that players skip. */
export async function paddedVideo(bytes: number): Promise<Buffer<ArrayBuffer>> {
  const head = await video();
  const box = Buffer.alloc(bytes - head.length, 0x5a);
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  // Different at each megabyte, so that a chunk in the wrong place is found out.
  for (let at = 8; at + 8 < box.length; at += 1_000_000) box.writeUInt32BE(at, at + 4);
  return Buffer.concat([head, box]);
}
