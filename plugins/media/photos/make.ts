// Makes the file that TikTok takes from a photo, and a small picture of the photo for lists.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JpegOptions, Sharp } from 'sharp';
import type { MediaFacts } from '#plugin';
import { rejected } from '../plan.ts';
import {
  decodeFully,
  detectKindOfFile,
  MAX_SECONDS,
  openPhoto,
  photoFacts,
  probeHeader,
  probePhoto,
  rejectDamaged,
  stripMetadata,
  toReadable,
} from './inspect.ts';
import { KINDS } from './kinds.ts';
import { type PhotoPlan, type PhotoProbe, planForPhoto } from './plan.ts';

const WHITE = '#ffffff';

export interface MadePhoto {
  /** The file to send; the source itself when nothing had to be changed. */
  path: string;
  content_type: string;
  act: PhotoPlan['act'];
  facts: MediaFacts;
}

/**
 * Returns a photo that TikTok takes; a new file is written into `folder`.
 *
 * @throws Problem `media_rejected` when the source is not a photo or is damaged.
 */
export async function makePhoto(
  source: string,
  folder: string,
  signal: AbortSignal,
): Promise<MadePhoto> {
  const kind = await detectKindOfFile(source);
  if (!kind) throw rejected('This file is not a photo.', 'is_photo');
  const found = await probePhoto(source, kind);
  signal.throwIfAborted();
  const plan = planForPhoto(found);
  if (plan.act === 'convert') {
    const picture = await toReadable(source, found, folder, signal);
    return convert(picture, join(folder, 'photo.jpg'), found, plan);
  }
  await decodeFully(source);
  const { content_type, extension } = KINDS[kind];
  const facts = photoFacts(found, null, plan.changes);
  if (plan.act === 'nothing') return { path: source, content_type, act: plan.act, facts };
  const bare = stripMetadata(await readFile(source), kind) as Buffer;
  const path = join(folder, `photo${extension}`);
  await writeFile(path, bare);
  return { path, content_type, act: plan.act, facts: { ...facts, bytes: bare.length } };
}

/** Writes a baseline JPEG in sRGB, upright and without metadata, which sharp drops by default. */
async function convert(
  source: string,
  path: string,
  found: PhotoProbe,
  { size, changes }: Extract<PhotoPlan, { act: 'convert' }>,
): Promise<MadePhoto> {
  const upright = openPhoto(source).autoOrient();
  const sized = size ? upright.resize(size.width, size.height, { fit: 'fill' }) : upright;
  const {
    width,
    height,
    size: bytes,
  } = await rejectDamaged(asJpeg(sized, { quality: 92, chromaSubsampling: '4:4:4' }).toFile(path));
  const facts = photoFacts({ ...found, width, height, bytes }, null, changes);
  return { path, content_type: 'image/jpeg', act: 'convert', facts };
}

/**
 * Returns a small JPEG of a photo, with sides of at most `side` pixels. `folder` must hold nothing
 * but the photo; a HEIC is decoded into it.
 *
 * @throws Problem `media_rejected`
 */
export async function makeThumbnail(
  path: string,
  side: number,
  folder: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const kind = await detectKindOfFile(path);
  if (!kind) throw rejected('This file is not a photo.', 'is_photo');
  const header = await probeHeader(path, kind);
  const sized = openPhoto(await toReadable(path, header, folder, signal))
    .autoOrient()
    .resize(side, side, { fit: 'inside', withoutEnlargement: true });
  return rejectDamaged(asJpeg(sized, { quality: 80 }).toBuffer());
}

/** Puts transparent pixels on white and converts the colours to sRGB. */
function asJpeg(picture: Sharp, options: JpegOptions): Sharp {
  return picture
    .flatten({ background: WHITE })
    .toColourspace('srgb')
    .jpeg(options)
    .timeout({ seconds: MAX_SECONDS });
}
