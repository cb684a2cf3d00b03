// Which kind of picture a file is, by its first bytes alone and before any decoder opens it.

/** What sharp's libvips decodes with libraries that are fuzzed; HEIC's pixels by ffmpeg, since patents keep them out of it. */
export type PhotoKind = 'jpeg' | 'png' | 'webp' | 'avif' | 'heic' | 'gif' | 'tiff';

export interface Kind {
  content_type: string;
  extension: string;
  /** As a person calls it. */
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

/** How many bytes `kindOf` wants to see. */
export const HEAD_BYTES = 512;

/**
 * A kind we open, the sentence why a known picture is none of them, or null: not a picture. SVG is a program in disguise: it names other files and addresses.
 */
export function detectKind(head: Buffer): PhotoKind | { refused: string } | null {
  const text = head.toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif';
  if (['II*\0', 'II+\0', 'MM\0*', 'MM\0+'].includes(text.slice(0, 4))) return 'tiff';
  if (text.slice(4, 8) === 'ftyp') return kindOfBrands(head);
  if (LOOKS_LIKE_SVG.test(text)) return { refused: 'SVG drawings are not photos.' };
  const other = OTHERS.find(([start]) => text.startsWith(start));
  return other ? { refused: other[1] } : null;
}

/** Behind a declaration, a comment or a document type. */
const LOOKS_LIKE_SVG = /^\s*(\xef\xbb\xbf)?\s*<[\s\S]*svg[\s>]/i;
const OTHERS: [string, string][] = [
  ['\x1f\x8b', 'Compressed files are not photos.'],
  ['8BPS', 'Photoshop files are not taken. Save it as PNG or JPEG.'],
  ['%PDF-', 'PDF documents are not photos. Save the page as PNG or JPEG.'],
  ['\xff\x0a', 'JPEG XL pictures are not taken. Save it as JPEG.'],
  ['\0\0\0\x0cJXL ', 'JPEG XL pictures are not taken. Save it as JPEG.'],
  ['\0\0\0\x0cjP  ', 'JPEG 2000 pictures are not taken. Save it as JPEG.'],
];

/** ISO containers name their kinds; one that is a still picture says so first or among the rest. */
function kindOfBrands(head: Buffer): PhotoKind | null {
  const end = Math.min(head.readUInt32BE(0), head.length);
  const brands = head.toString('latin1', 8, end).match(/.{4}/gs) ?? [];
  const [major = '', , ...others] = brands;
  if (major === 'avif' || major === 'avis') return 'avif';
  if (/^(hei[cxms]|hev[cxms])$/.test(major)) return 'heic';
  if (!/^(mif1|msf1)$/.test(major)) return null;
  return others.includes('avif') ? 'avif' : 'heic';
}
