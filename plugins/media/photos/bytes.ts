// Removes everything but the picture from a JPEG or WebP file, without encoding the picture again.

/** The markers with which a JPEG starts and ends. */
const SOI = Buffer.from([0xff, 0xd8]);
const EOI = Buffer.from([0xff, 0xd9]);

/**
 * Returns the JPEG without EXIF, XMP, profiles, comments and what follows its end; the same bytes
 * when it has none of these. Null for any JPEG that is not plain baseline, and so must be encoded
 * again. ITU-T T.81, annex B.
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
    const scanEnd = marker === 0xda ? findScanEnd(file, end) : end;
    if (isNeeded(marker, segment)) kept.push(file.subarray(at, scanEnd));
    at = scanEnd;
  }
  if (file[at] !== 0xff || file[at + 1] !== 0xd9) return null;
  return Buffer.concat([...kept, EOI]);
}

/**
 * False for a segment that TikTok may not read: only baseline (SOF0) of 8 bits with one or three
 * components passes, and no arithmetic coding or Adobe's RGB.
 */
function isPlain(marker: number, segment: Buffer): boolean {
  const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
  if (isFrame) return marker === 0xc0 && segment[4] === 8 && [1, 3].includes(segment[9] ?? 0);
  if (marker === 0xcc || marker === 0xdc) return false;
  return !(isAdobe(marker, segment) && segment[15] !== 1);
}

const isAdobe = (marker: number, segment: Buffer) =>
  marker === 0xee && segment.toString('latin1', 4, 9) === 'Adobe';

/**
 * True for what a decoder needs: tables, frame and scans, JFIF without a thumbnail, and Adobe's
 * segment, which names the colour space.
 */
function isNeeded(marker: number, segment: Buffer): boolean {
  if (marker === 0xe0)
    return segment.length === 18 && segment.toString('latin1', 4, 9) === 'JFIF\0';
  if (isAdobe(marker, segment)) return segment.length === 16;
  return marker < 0xe0 && marker >= 0xc0;
}

/**
 * Returns where a scan's data ends: at the first FF that neither 00 nor a restart marker follows.
 */
function findScanEnd(file: Buffer, from: number): number {
  let at = file.indexOf(0xff, from);
  while (at !== -1 && at + 1 < file.length) {
    const next = file[at + 1] as number;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
    at = file.indexOf(0xff, at + (next === 0xff ? 1 : 2));
  }
  return file.length;
}

/**
 * Returns the WebP without metadata, as `bareJpeg` does. Null for one that moves or is transparent.
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

/** Whether EXIF data hold a location: tag 0x8825 in the first directory. */
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
