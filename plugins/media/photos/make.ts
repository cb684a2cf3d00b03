// Makes of a photo what TikTok takes, and a small picture of it for lists.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JpegOptions, Sharp } from 'sharp';
import type { MediaFacts } from '#plugin';
import { rejected } from '../plan.ts';
import { KINDS } from './kinds.ts';
import {
  decoded,
  kindOfFile,
  lookAtHeader,
  lookAtPhoto,
  MAX_SECONDS,
  opened,
  photoFacts,
  readable,
  readToItsEnd,
  stripMetadata,
} from './inspect.ts';
import { type PhotoPlan, type PhotoProbe, planForPhoto } from './plan.ts';

const WHITE = '#ffffff';
export interface MadePhoto {
  /** The file to send; the source itself when nothing had to be done. */
  path: string;
  content_type: string;
  act: PhotoPlan['act'];
  facts: MediaFacts;
}

/** The photo as TikTok takes it. Throws `media_rejected` for what is none or is damaged. */
export async function makePhoto(
  source: string,
  folder: string,
  signal: AbortSignal,
): Promise<MadePhoto> {
  const kind = await kindOfFile(source);
  if (!kind) throw rejected('This file is not a photo.', 'is_photo');
  const found = await lookAtPhoto(source, kind);
  signal.throwIfAborted();
  const plan = planForPhoto(found);
  if (plan.act === 'convert') {
    const picture = await readable(source, found, folder, signal);
    return convert(picture, join(folder, 'photo.jpg'), found, plan);
  }
  await readToItsEnd(source);
  const { content_type, extension } = KINDS[kind];
  const facts = photoFacts(found, null, plan.changes);
  if (plan.act === 'nothing') return { path: source, content_type, act: plan.act, facts };
  const bare = stripMetadata(await readFile(source), kind) as Buffer;
  const path = join(folder, `photo${extension}`);
  await writeFile(path, bare);
  return { path, content_type, act: plan.act, facts: { ...facts, bytes: bare.length } };
}

/** Baseline, sRGB, upright, without metadata: sharp keeps none unless told to. */
async function convert(
  source: string,
  path: string,
  found: PhotoProbe,
  { size, changes }: Extract<PhotoPlan, { act: 'convert' }>,
): Promise<MadePhoto> {
  const upright = opened(source).autoOrient();
  const sized = size ? upright.resize(size.width, size.height, { fit: 'fill' }) : upright;
  const {
    width,
    height,
    size: bytes,
  } = await decoded(asJpeg(sized, { quality: 92, chromaSubsampling: '4:4:4' }).toFile(path));
  const facts = photoFacts({ ...found, width, height, bytes }, null, changes);
  return { path, content_type: 'image/jpeg', act: 'convert', facts };
}

/** A small JPEG of any photo we take, for lists; `folder` is empty but for it, perhaps. */
export async function makeThumbnail(
  path: string,
  side: number,
  folder: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const kind = await kindOfFile(path);
  if (!kind) throw rejected('This file is not a photo.', 'is_photo');
  const header = await lookAtHeader(path, kind);
  const sized = opened(await readable(path, header, folder, signal))
    .autoOrient()
    .resize(side, side, { fit: 'inside', withoutEnlargement: true });
  return decoded(asJpeg(sized, { quality: 80 }).toBuffer());
}

/** On white where it was clear, in the colours of ordinary screens. */
function asJpeg(picture: Sharp, options: JpegOptions): Sharp {
  return picture
    .flatten({ background: WHITE })
    .toColourspace('srgb')
    .jpeg(options)
    .timeout({ seconds: MAX_SECONDS });
}
