// Videos made by ffmpeg's test source at run time; none are committed.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const folder = mkdtempSync(join(tmpdir(), 'pm3k-videos-'));
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
}

/** The path of a video with these traits; made once per run. */
export function videoFile(trait: Trait = {}): Promise<string> {
  const key = JSON.stringify(trait);
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

async function make(path: string, trait: Trait): Promise<string> {
  const { size = '360x640', rate = '30', seconds = 1.2, has_sound = true } = trait;
  const sound = has_sound ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`] : [];
  await promisify(execFile)('ffmpeg', [
    ...[
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`,
    ],
    ...sound,
    ...(trait.options ?? [
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'aac',
    ]),
    ...['-fflags', '+bitexact', '-y', path],
  ]);
  return path;
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
