// Opens photos with sharp, restricted to the loaders we need, and probes their header and pixels.
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp, { type Metadata, type Sharp } from 'sharp';
import type { Inspection, MediaFacts } from '#plugin';
import { rejected } from '../plan.ts';
import { bareJpeg, bareWebp, namesPlace } from './bytes.ts';
import { decodeHeic } from './heic.ts';
import { detectKind, HEAD_BYTES, KINDS, type PhotoKind } from './kinds.ts';
import { assertDecodable, MAX_SOURCE_BYTES, type PhotoProbe, planForPhoto } from './plan.ts';

/** How long sharp may work on one photo. */
export const MAX_SECONDS = 60;
// Loaders that read other files or run programs (SVG, PDF, ImageMagick) stay blocked, whatever a
// file contains.
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'];

let isLocked = false;

/**
 * Opens a photo. The first call sets up sharp for the process: one thread a photo, no cache between
 * photos, and only the loaders that we need.
 */
export function openPhoto(path: string): Sharp {
  if (!isLocked) {
    sharp.cache(false);
    sharp.concurrency(1);
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({ operation: LOADERS.map((name) => `VipsForeignLoad${name}`) });
    isLocked = true;
  }
  // `assertDecodable` limits the pixels, by the header, with a sentence for the creator.
  return sharp(path, { failOn: 'error', limitInputPixels: false });
}

/**
 * Returns a photo's type and facts; null when the file is not a picture, or is a GIF that moves and
 * so counts as a video.
 *
 * @throws Problem `media_rejected` for a damaged photo or a kind that we do not open.
 */
export async function inspectPhoto(path: string, signal: AbortSignal): Promise<Inspection | null> {
  const kind = await detectKindOfFile(path);
  if (!kind) return null;
  const found = await probePhoto(path, kind);
  if (kind === 'gif' && found.pages > 1) return null;
  signal.throwIfAborted();
  const folder = await mkdtemp(join(dirname(path), 'inspect-'));
  try {
    await decodeFully(await toReadable(path, found, folder, signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { content_type, extension } = KINDS[kind];
  return { content_type, extension, facts: photoFacts(found, null, planForPhoto(found).changes) };
}

/**
 * Decodes every pixel once, since a file can have a perfect header and broken contents.
 *
 * @throws Problem `media_rejected`
 */
export async function decodeFully(path: string): Promise<void> {
  const tiny = openPhoto(path).resize(8, 8, { fit: 'fill' }).jpeg();
  await rejectDamaged(tiny.timeout({ seconds: MAX_SECONDS }).toBuffer());
}

/**
 * Returns the path of a file that sharp can read: the photo itself, or a PNG of a HEIC in `folder`.
 */
export async function toReadable(
  path: string,
  { kind, icc }: Header,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  return kind === 'heic' ? decodeHeic(path, folder, icc, signal) : path;
}

/**
 * Returns the kind of picture in a file; null when it is not a picture.
 *
 * @throws Problem `media_rejected` for a kind of picture that we do not open.
 */
export async function detectKindOfFile(path: string): Promise<PhotoKind | null> {
  const file = await open(path);
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0).finally(() => file.close());
  const kind = bytesRead < 12 ? null : detectKind(head.subarray(0, bytesRead));
  if (kind && typeof kind === 'object') throw rejected(kind.refused, 'photo_kind');
  return kind;
}

/** Probes a photo by its header and its pixels. Throws as `probeHeader`. */
export async function probePhoto(path: string, kind: PhotoKind): Promise<PhotoProbe & Header> {
  const probe = await probeHeader(path, kind);
  // Screenshots and all GIFs have an alpha channel, and many are fully opaque.
  const mayHaveAlpha = probe.hasAlpha && kind !== 'heic';
  const hasAlpha = mayHaveAlpha && !(await rejectDamaged(openPhoto(path).stats())).isOpaque;
  const photo = { ...probe, hasAlpha };
  // A photo that is encoded again in any case need not be read into memory.
  const isConverted = planForPhoto({ ...photo, body: 'bare' }).act === 'convert';
  return { ...photo, body: isConverted ? 'other' : await readBody(path, kind) };
}

export type Header = Omit<PhotoProbe, 'body'> & { icc: Buffer | undefined };

/**
 * Reads a photo's header and checks its size, before anything is decoded.
 *
 * @throws Problem `media_rejected`
 */
export async function probeHeader(path: string, kind: PhotoKind): Promise<Header> {
  const { size: bytes } = await stat(path);
  if (bytes > MAX_SOURCE_BYTES) {
    throw rejected(
      `The photo has ${Math.ceil(bytes / 1_000_000)} MB; we take at most ${MAX_SOURCE_BYTES / 1_000_000}.`,
      'photo_bytes',
    );
  }
  const found = await rejectDamaged(openPhoto(path).metadata());
  if (!isOfKind(found, kind)) {
    throw rejected('The file begins as one kind of picture and goes on as another.', 'photo_kind');
  }
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

/** Whether the profile's name, in ASCII or UTF-16, says sRGB, as "sRGB IEC61966-2.1" does. */
function isSrgb(icc: Buffer): boolean {
  return /s\0?R\0?G\0?B/.test(icc.toString('latin1'));
}

async function readBody(path: string, kind: PhotoKind): Promise<PhotoProbe['body']> {
  const file = await readFile(path);
  const bare = stripMetadata(file, kind);
  if (!bare) return 'other';
  return bare.equals(file) ? 'bare' : 'extras';
}

/** Returns a JPEG or WebP without metadata; null when the photo must be encoded again for that. */
export function stripMetadata(file: Buffer, kind: PhotoKind): Buffer | null {
  if (kind === 'jpeg') return bareJpeg(file);
  return kind === 'webp' ? bareWebp(file) : null;
}

/**
 * Awaits sharp's work and turns a failure to decode into a Problem. A lack of memory or disk is
 * passed on as it is, since the file is not at fault.
 *
 * @throws Problem `media_rejected`
 */
export async function rejectDamaged<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const words = error instanceof Error ? error.message : '';
    if (/No space left|out of memory|Cannot allocate|ENOSPC/i.test(words)) throw error;
    throw rejected('The photo is damaged or incomplete. Export it again.', 'photo_decodable');
  }
}

/** Returns a photo's facts as a job and the library store them. */
export function photoFacts(
  found: Pick<PhotoProbe, 'bytes' | 'width' | 'height'>,
  sha256: string | null,
  changes: string[],
): MediaFacts {
  const { bytes, width, height } = found;
  return { kind: 'photo', bytes, sha256, duration_ms: null, width, height, fps: null, changes };
}
