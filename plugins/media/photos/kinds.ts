// Detects the kind of a picture by its first bytes, before any decoder opens it.

/**
 * The kinds that libvips decodes with fuzzed libraries, and HEIC. Patents keep HEIC's codec out of
 * sharp's libvips, so ffmpeg decodes its pixels.
 */
export type PhotoKind = 'jpeg' | 'png' | 'webp' | 'avif' | 'heic' | 'gif' | 'tiff';

export interface Kind {
  content_type: string;
  extension: string;
  /** The name that people use. */
  name: string;
}

export const KINDS: Record<PhotoKind, Kind> = {
  jpeg: { content_type: 'image/jpeg', extension: '.jpg', name: 'JPEG' },
  png: { content_type: 'image/png', extension: '.png', name: 'PNG' },
  webp: { content_type: 'image/webp', extension: '.webp', name: 'WebP' },
  avif: { content_type: 'image/avif', extension: '.avif', name: 'AVIF' },
  heic: { content_type: 'image/heic', extension: '.heic', name: 'HEIC' },
  gif: { content_type: 'image/gif', extension: '.gif', name: 'GIF' },
  tiff: { content_type: 'image/tiff', extension: '.tif', name: 'TIFF' },
};

/** How many bytes `detectKind` needs. */
export const HEAD_BYTES = 512;

/**
 * Returns the kind of a picture that we open; for other known kinds, the sentence that refuses
 * them; null when the file is not a picture. SVG is refused because it can name other files and
 * addresses.
 */
export function detectKind(head: Buffer): PhotoKind | { refused: string } | null {
  const text = head.toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif';
  if (['II*\0', 'II+\0', 'MM\0*', 'MM\0+'].includes(text.slice(0, 4))) return 'tiff';
  if (text.slice(4, 8) === 'ftyp') return detectByBrands(head);
  if (LOOKS_LIKE_SVG.test(text)) return { refused: 'SVG drawings are not photos.' };
  const other = OTHERS.find(([start]) => text.startsWith(start));
  return other ? { refused: other[1] } : null;
}

/** Also behind an XML declaration, a comment or a document type. */
const LOOKS_LIKE_SVG = /^\s*(\xef\xbb\xbf)?\s*<[\s\S]*svg[\s>]/i;
const OTHERS: [string, string][] = [
  ['\x1f\x8b', 'Compressed files are not photos.'],
  ['8BPS', 'Photoshop files are not taken. Save it as PNG or JPEG.'],
  ['%PDF-', 'PDF documents are not photos. Save the page as PNG or JPEG.'],
  ['\xff\x0a', 'JPEG XL pictures are not taken. Save it as JPEG.'],
  ['\0\0\0\x0cJXL ', 'JPEG XL pictures are not taken. Save it as JPEG.'],
  ['\0\0\0\x0cjP  ', 'JPEG 2000 pictures are not taken. Save it as JPEG.'],
];

/**
 * Reads the brands of an ISO container; a still picture names its kind as the first brand or a
 * later one.
 */
function detectByBrands(head: Buffer): PhotoKind | null {
  const end = Math.min(head.readUInt32BE(0), head.length);
  const brands = head.toString('latin1', 8, end).match(/.{4}/gs) ?? [];
  const [major = '', , ...others] = brands;
  if (major === 'avif' || major === 'avis') return 'avif';
  if (/^(hei[cxms]|hev[cxms])$/.test(major)) return 'heic';
  if (!/^(mif1|msf1)$/.test(major)) return null;
  return others.includes('avif') ? 'avif' : 'heic';
}
