// Decodes a HEIC photo to PNG: we read its boxes and ffmpeg its pixels, since sharp cannot.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { FfmpegFailure, runFfmpeg } from '../ffmpeg.ts';
import { rejected } from '../plan.ts';
import { type CodedPhoto, readHeif } from './heif-boxes.ts';
import { makeFilm } from './heif-film.ts';

const TIME_MS = 60_000;
const TURNS: Record<CodedPhoto['turns'][number], string> = {
  left: 'transpose=cclock',
  over: 'hflip,vflip',
  right: 'transpose=clock',
  flip: 'vflip',
  mirror: 'hflip',
};

/**
 * Writes the photo as a PNG into `folder`, which must be empty, and returns its path. The picture
 * is cropped and turned as the photo is shown; `icc`, its colour profile, is written into the PNG.
 * The caller has checked the photo's size by its header.
 *
 * @throws Problem `media_rejected`
 */
export async function decodeHeic(
  path: string,
  folder: string,
  icc: Buffer | undefined,
  signal: AbortSignal,
): Promise<string> {
  const photo = readParts(await readFile(path));
  const film = join(folder, 'tiles.mp4');
  const output = join(folder, 'heic.png');
  await writeFile(film, makeFilm(photo));
  try {
    await runFfmpeg({
      input: film,
      output,
      options: [
        ...['-xerror', '-vf', filters(photo), '-frames:v', '1'],
        ...['-c:v', 'png', '-pred', 'none', '-f', 'image2', '-update', '1'],
      ],
      durationMs: photo.tiles.length * 1000,
      timeLimitMs: TIME_MS,
      cwd: folder,
      signal,
    });
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    throw rejected('The photo is damaged or incomplete. Export it again.', 'photo_decodable');
  }
  if (icc) await writeFile(output, withProfile(await readFile(output), icc));
  return output;
}

function readParts(file: Buffer): CodedPhoto {
  try {
    return readHeif(file);
  } catch {
    throw rejected(
      'We cannot read this kind of HEIC photo. Save it as JPEG and upload that.',
      'photo_kind',
    );
  }
}

function filters({ columns, rows, tile, size, turns }: CodedPhoto): string {
  return [
    ...(columns * rows > 1 ? [`tile=${columns}x${rows}`] : []),
    `crop=${Math.min(size.width, columns * tile.width)}:${Math.min(size.height, rows * tile.height)}:0:0`,
    ...turns.map((turn) => TURNS[turn]),
    'format=rgb24',
  ].join(',');
}

/** Returns the PNG with the profile as a chunk right behind its header. */
function withProfile(png: Buffer, icc: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from('iCCPicc\0\0', 'latin1'), deflateSync(icc)]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(body.length - 4, 0);
  ends.writeUInt32BE(crc32(body), 4);
  const headerEnd = 8 + 25;
  return Buffer.concat([
    png.subarray(0, headerEnd),
    ...[ends.subarray(0, 4), body, ends.subarray(4)],
    png.subarray(headerEnd),
  ]);
}
