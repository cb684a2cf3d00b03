// The files that the storm posts: small, and each with words of its own in it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { QUICK_FFMPEG } from '../../test/support/ffmpeg.ts';

export interface Media {
  /** A video that TikTok takes as it is. */
  video: Buffer;
  /** One that has to be converted. */
  foreignVideo: Buffer;
  photo: Buffer;
}

const SOURCE = ['-f', 'lavfi', '-i', 'testsrc2=size=360x640:rate=30:duration=1.2'];
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=1.2'];
const CONFORMING = [
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
  ...['-movflags', '+faststart'],
];
const FOREIGN = ['-c:v', 'mpeg4', '-c:a', 'mp3'];

export async function makeMedia(): Promise<Media> {
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-storm-media-'));
  const encode = (name: string, options: string[]) => {
    const path = join(folder, name);
    const args = ['-v', 'error', ...SOURCE, ...TONE, ...options, '-fflags', '+bitexact', path];
    execFileSync(QUICK_FFMPEG.FFMPEG_PATH, args);
    return readFileSync(path);
  };
  try {
    const background = '#2060c0';
    const picture = sharp({ create: { width: 540, height: 960, channels: 3, background } });
    return {
      video: encode('video.mp4', CONFORMING),
      foreignVideo: encode('video.avi', FOREIGN),
      photo: await picture.jpeg().toBuffer(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Adds a box that players skip, with these words in it. */
export function addBox(video: Buffer, words: string): Buffer {
  const box = Buffer.alloc(8 + Buffer.byteLength(words));
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  box.write(words, 8);
  return Buffer.concat([video, box]);
}

/** Adds a comment (COM) behind the beginning of a JPEG. */
export function addComment(photo: Buffer, words: string): Buffer {
  const text = Buffer.from(words);
  const head = Buffer.from([0xff, 0xfe, (text.length + 2) >> 8, (text.length + 2) & 0xff]);
  return Buffer.concat([photo.subarray(0, 2), head, text, photo.subarray(2)]);
}
