// The only file that lets photos in: sharp with its doors locked, and what header and pixels tell.
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp, { type Metadata, type Sharp } from 'sharp';
import type { Inspection, MediaFacts } from '#plugin';
import { rejected } from '../plan.ts';
import { bareJpeg, bareWebp, namesPlace } from './bytes.ts';
import { decodeHeic } from './heic.ts';
import { detectKind, HEAD_BYTES, KINDS, type PhotoKind } from './kinds.ts';
import { assertDecodable, MAX_SOURCE_BYTES, type PhotoProbe, planForPhoto } from './plan.ts';

export const MAX_SECONDS = 60;
// Nothing that reads other files or runs programs (SVG, PDF, ImageMagick), whatever a file looks like inside.
const OPENED = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'];

let isLocked = false;

/** One photo at a time and thread, nothing remembered between photos, and only the loaders we want. */
export function opened(path: string): Sharp {
  if (!isLocked) {
    sharp.cache(false);
    sharp.concurrency(1);
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({ operation: OPENED.map((name) => `VipsForeignLoad${name}`) });
    isLocked = true;
  }
  // The pixels are counted by ourselves, from the header, with a sentence.
  return sharp(path, { failOn: 'error', limitInputPixels: false });
}

/** Null when the file is no picture (or one that moves, which is a video's business). */
export async function inspectPhoto(path: string, signal: AbortSignal): Promise<Inspection | null> {
  const kind = await kindOfFile(path);
  if (!kind) return null;
  const found = await lookAtPhoto(path, kind);
  if (kind === 'gif' && found.pages > 1) return null;
  signal.throwIfAborted();
  const folder = await mkdtemp(join(dirname(path), 'look-'));
  try {
    await readToItsEnd(await readable(path, found, folder, signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { content_type, extension } = KINDS[kind];
  return { content_type, extension, facts: photoFacts(found, null, planForPhoto(found).changes) };
}

/** Perfect headers may stand over broken contents: every pixel is asked for once. */
export async function readToItsEnd(path: string): Promise<void> {
  const tiny = opened(path).resize(8, 8, { fit: 'fill' }).jpeg();
  await decoded(tiny.timeout({ seconds: MAX_SECONDS }).toBuffer());
}

/** A file that sharp can read: the photo itself, or in `folder` what was made of its HEIC. */
export async function readable(
  path: string,
  { kind, icc }: Header,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  return kind === 'heic' ? decodeHeic(path, folder, icc, signal) : path;
}

/** Throws `media_rejected` for pictures of a kind that we do not open. */
export async function kindOfFile(path: string): Promise<PhotoKind | null> {
  const file = await open(path);
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0).finally(() => file.close());
  const kind = bytesRead < 12 ? null : detectKind(head.subarray(0, bytesRead));
  if (kind && typeof kind === 'object') throw rejected(kind.refused, 'photo_kind');
  return kind;
}

/** As the header tells, and as the pixels do. */
export async function lookAtPhoto(path: string, kind: PhotoKind): Promise<PhotoProbe & Header> {
  const probe = await lookAtHeader(path, kind);
  // Many files have a channel for it and nothing in it: screenshots, every GIF.
  const mayHaveAlpha = probe.hasAlpha && kind !== 'heic';
  const hasAlpha = mayHaveAlpha && !(await decoded(opened(path).stats())).isOpaque;
  const photo = { ...probe, hasAlpha };
  // What is encoded anew in any case need not be read into memory.
  const isConverted = planForPhoto({ ...photo, body: 'bare' }).act === 'convert';
  return { ...photo, body: isConverted ? 'other' : await readBody(path, kind) };
}

export type Header = Omit<PhotoProbe, 'body'> & { icc: Buffer | undefined };

/** What the header says, judged before anything is decoded. */
export async function lookAtHeader(path: string, kind: PhotoKind): Promise<Header> {
  const { size: bytes } = await stat(path);
  if (bytes > MAX_SOURCE_BYTES) {
    throw rejected(
      `The photo has ${Math.ceil(bytes / 1_000_000)} MB; at most ${MAX_SOURCE_BYTES / 1_000_000} are taken.`,
      'photo_bytes',
    );
  }
  const found = await decoded(opened(path).metadata());
  if (!isOfKind(found, kind)) throw rejected('The file is not what it begins as.', 'photo_kind');
  const { autoOrient, orientation = 1 } = found;
  const probe = {
    kind,
    bytes,
    width: autoOrient.width,
    height: autoOrient.height,
    isUpright: orientation <= 1,
    isProgressive: kind === 'jpeg' && found.isProgressive === true,
    hasAlpha: found.hasAlpha === true,
    pages: found.pages ?? 1,
    icc: found.icc,
    space: found.space ?? 'srgb',
    hasOwnColours: found.icc !== undefined && !isSrgb(found.icc),
    hasLocation: namesPlace(found.exif) || /GPSL/.test(found.xmpAsString ?? ''),
  };
  assertDecodable(probe);
  return probe;
}

function isOfKind({ format, compression }: Metadata, kind: PhotoKind): boolean {
  if (kind !== 'avif' && kind !== 'heic') return format === kind;
  return format === 'heif' && compression === (kind === 'avif' ? 'av1' : 'hevc');
}

/** By the profile's own name, in ASCII or UTF-16: "sRGB IEC61966-2.1" and its kin. */
function isSrgb(icc: Buffer): boolean {
  return /s\0?R\0?G\0?B/.test(icc.toString('latin1'));
}

async function readBody(path: string, kind: PhotoKind): Promise<PhotoProbe['body']> {
  const file = await readFile(path);
  const bare = stripMetadata(file, kind);
  if (!bare) return 'other';
  return bare.equals(file) ? 'bare' : 'extras';
}

export function stripMetadata(file: Buffer, kind: PhotoKind): Buffer | null {
  if (kind === 'jpeg') return bareJpeg(file);
  return kind === 'webp' ? bareWebp(file) : null;
}

/** libvips' no becomes a sentence about the file; what the machine lacks stays a fault. */
export async function decoded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const words = error instanceof Error ? error.message : '';
    if (/No space left|out of memory|Cannot allocate|ENOSPC/i.test(words)) throw error;
    throw rejected('The photo is damaged or incomplete. Export it again.', 'photo_decodable');
  }
}

export function photoFacts(
  found: Pick<PhotoProbe, 'bytes' | 'width' | 'height'>,
  sha256: string | null,
  changes: string[],
): MediaFacts {
  const { bytes, width, height } = found;
  return { kind: 'photo', bytes, sha256, duration_ms: null, width, height, fps: null, changes };
}
