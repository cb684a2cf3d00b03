// Holds TikTok's limits for a photo, and decides from its probe alone what must be done to it.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
import { TIKTOK_LIMITS } from '#plugin';
import { rejected } from '../plan.ts';
import { KINDS, type PhotoKind } from './kinds.ts';

const { maxBytes, maxShortSide, maxLongSide, minShortSide } = TIKTOK_LIMITS.photo;

/** A larger file is not opened: no camera makes one, and it would be held in memory. */
export const MAX_SOURCE_BYTES = 200_000_000;
/**
 * Decoding takes up to 4 bytes of memory a pixel, except for a baseline JPEG, which is read in
 * strips.
 */
const MAX_PIXELS = 64_000_000;
const MAX_STRIP_PIXELS = 256_000_000;

export interface PhotoProbe {
  kind: PhotoKind;
  bytes: number;
  /** In pixels as shown, that is upright. */
  width: number;
  height: number;
  isUpright: boolean;
  isProgressive: boolean;
  /** At least one pixel is transparent. */
  hasAlpha: boolean;
  pages: number;
  /** libvips' name of the colour space: `srgb`, `b-w`, `cmyk`, `rgb16`, … */
  space: string;
  /** The photo has a colour profile other than sRGB. */
  hasOwnColours: boolean;
  hasLocation: boolean;
  /**
   * `bare`: the file holds the picture alone. `extras`: TikTok takes it once the metadata are
   * removed. `other`: it must be encoded again, whatever its size.
   */
  body: 'bare' | 'extras' | 'other';
}

/** `size`: what the photo is scaled to; null when it keeps its size. */
export type PhotoPlan =
  | { act: 'nothing'; changes: [] }
  | { act: 'strip'; changes: string[] }
  | { act: 'convert'; size: { width: number; height: number } | null; changes: string[] };

/**
 * Checks, by the size in the header, that the photo can be decoded in the memory we have.
 *
 * @throws Problem `media_rejected`
 */
export function assertDecodable(photo: Omit<PhotoProbe, 'body'>): void {
  const limit = photo.kind === 'jpeg' && !photo.isProgressive ? MAX_STRIP_PIXELS : MAX_PIXELS;
  if (photo.width * photo.height <= limit) return;
  throw rejected(
    `The photo has ${photo.width} × ${photo.height} pixels; we take at most ${limit / 1_000_000} million in all. Make it smaller and upload it again.`,
    'photo_pixels',
  );
}

/** Returns the least that must be done so that TikTok takes the photo. */
export function planForPhoto(photo: PhotoProbe): PhotoPlan {
  const reasons = reasonsToConvert(photo);
  if (reasons.length > 0) {
    const removed = photo.hasLocation ? [PLACE] : [];
    return { act: 'convert', size: targetSize(photo), changes: [...reasons, ...removed] };
  }
  if (photo.body === 'bare') return { act: 'nothing', changes: [] };
  return { act: 'strip', changes: [photo.hasLocation ? PLACE : EXTRAS] };
}

const PLACE = 'Removed the place where it was taken: it would have been sent along.';
const EXTRAS = 'Removed data that is not the picture: it would have been sent along.';

function reasonsToConvert(photo: PhotoProbe): string[] {
  const { kind } = photo;
  const isTaken = kind === 'jpeg' || kind === 'webp';
  const size = targetSize(photo);
  const isSmaller = size !== null && size.width < photo.width;
  const reasons: (string | false)[] = [
    !isTaken && `Converted from ${KINDS[kind].name} to JPEG: TikTok takes JPEG and WebP.`,
    photo.pages > 1 && 'Kept the first picture: a photo post shows still ones.',
    isSmaller &&
      `Made smaller: TikTok takes at most ${maxShortSide} pixels on the shorter side and ${maxLongSide} on the longer.`,
    size !== null && !isSmaller && 'Made larger: TikTok does not take very small photos.',
    !photo.isUpright && 'Turned upright: the file only said which way is up.',
    photo.space === 'cmyk' && 'Converted from print colours (CMYK) to RGB: TikTok shows RGB.',
    photo.space !== 'cmyk' &&
      photo.hasOwnColours &&
      'Converted its colours to sRGB, so that they look the same everywhere.',
    photo.hasAlpha && 'Put on white: TikTok does not show transparency.',
    isTaken && photo.isProgressive && 'Saved as baseline JPEG, the form TikTok reads.',
    isTaken && photo.bytes > maxBytes && 'Compressed: TikTok takes at most 20 MB a photo.',
  ];
  const given = reasons.filter((reason) => reason !== false);
  if (given.length > 0 || photo.body !== 'other') return given;
  return ['Saved as plain JPEG, the form TikTok reads.'];
}

/**
 * Returns a size within TikTok's limits, in the same proportion; null when the photo has one
 * already.
 */
function targetSize({ width, height }: PhotoProbe): { width: number; height: number } | null {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const most = Math.min(maxShortSide / short, maxLongSide / long);
  const scale = most < 1 ? most : Math.min(most, Math.max(1, minShortSide / short));
  if (scale === 1) return null;
  const scaled = (side: number) => Math.max(1, Math.round(side * scale));
  return { width: scaled(width), height: scaled(height) };
}
