// Takes everything but the picture out of a JPEG or WebP file without touching the picture itself.

/** A start or end that JPEG and WebP share with nothing else. */
const SOI = Buffer.from([0xff, 0xd8]);
const EOI = Buffer.from([0xff, 0xd9]);

/**
 * The same picture without EXIF, XMP, profiles, comments and whatever follows its end; equal to the
 * input when there was none of that. Null: not a plain baseline JPEG, so it must be encoded anew.
 * ITU-T T.81, annex B.
 */
export function bareJpeg(file: Buffer): Buffer | null {
  if (!file.subarray(0, 2).equals(SOI)) return null;
  const kept: Buffer[] = [SOI];
  let at = 2;
  while (at + 4 <= file.length) {
    if (file[at] !== 0xff) return null;
    const marker = file[at + 1] as number;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xd9) break;
    const end = at + 2 + file.readUInt16BE(at + 2);
    const segment = file.subarray(at, end);
    if (segment.length < 4 || end > file.length || !isPlain(marker, segment)) return null;
    const scanEnd = marker === 0xda ? endOfScan(file, end) : end;
    if (isNeeded(marker, segment)) kept.push(file.subarray(at, scanEnd));
    at = scanEnd;
  }
  if (file[at] !== 0xff || file[at + 1] !== 0xd9) return null;
  return Buffer.concat([...kept, EOI]);
}

/** Baseline (SOF0) of 8 bits with grey or three parts; no other way of coding, no RGB by Adobe's mark. */
function isPlain(marker: number, segment: Buffer): boolean {
  const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
  if (isFrame) return marker === 0xc0 && segment[4] === 8 && [1, 3].includes(segment[9] ?? 0);
  if (marker === 0xcc || marker === 0xdc) return false;
  return !(isAdobe(marker, segment) && segment[15] !== 1);
}

const isAdobe = (marker: number, segment: Buffer) =>
  marker === 0xee && segment.toString('latin1', 4, 9) === 'Adobe';

/** Tables, frame and scans; JFIF without its thumbnail, and the mark that tells the colours. */
function isNeeded(marker: number, segment: Buffer): boolean {
  if (marker === 0xe0)
    return segment.length === 18 && segment.toString('latin1', 4, 9) === 'JFIF\0';
  if (isAdobe(marker, segment)) return segment.length === 16;
  return marker < 0xe0 && marker >= 0xc0;
}

/** In coded data FF is followed by 00 or by a restart mark; anything else ends it. */
function endOfScan(file: Buffer, from: number): number {
  let at = file.indexOf(0xff, from);
  while (at !== -1 && at + 1 < file.length) {
    const next = file[at + 1] as number;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
    at = file.indexOf(0xff, at + (next === 0xff ? 1 : 2));
  }
  return file.length;
}

/**
 * As `bareJpeg`, for a still WebP without transparency; null for any other.
 * https://developers.google.com/speed/webp/docs/riff_container
 */
export function bareWebp(file: Buffer): Buffer | null {
  const end = Math.min(file.length, 8 + file.readUInt32LE(4));
  let at = 12;
  let picture: Buffer | null = null;
  while (at + 8 <= end) {
    const name = file.toString('latin1', at, at + 4);
    const next = at + 8 + file.readUInt32LE(at + 4) + (file.readUInt32LE(at + 4) % 2);
    if (name === 'ANIM' || name === 'ANMF' || name === 'ALPH' || next > end) return null;
    if (name === 'VP8 ' || name === 'VP8L') {
      if (picture) return null;
      picture = file.subarray(at, next);
    }
    at = next;
  }
  if (!picture) return null;
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(4 + picture.length, 4);
  return Buffer.concat([head, picture]);
}

/** Whether EXIF data name a place: tag 0x8825 in its first directory. */
export function namesPlace(exif: Buffer | undefined): boolean {
  if (!exif) return false;
  const tiff = exif.subarray(exif.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : 0);
  if (tiff.length < 8) return false;
  const isLittle = tiff.toString('latin1', 0, 2) === 'II';
  const short = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const start = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (start + 2 > tiff.length) return false;
  const fields = Math.min(short(start), Math.floor((tiff.length - start - 2) / 12));
  return Array.from({ length: fields }, (_, n) => short(start + 2 + n * 12)).includes(0x8825);
}
