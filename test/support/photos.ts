// Photos made at test time: plain ones, one per trait, and files built byte by byte to do harm.
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

export interface Look {
  width?: number;
  height?: number;
  alpha?: boolean;
  colour?: string;
}

/** Two halves of different colour, so that which way is up can be seen. */
export function picture({ width = 720, height = 1280, alpha, colour = '#2060c0' }: Look = {}) {
  const half = { width, height: Math.ceil(height / 2), channels: 4 as const };
  return sharp({
    create: { width, height, channels: alpha ? 4 : 3, background: alpha ? '#00000000' : '#f0f0e8' },
  }).composite([{ input: { create: { ...half, background: colour } }, top: 0, left: 0 }]);
}

export async function jpeg(look: Look = {}): Promise<Buffer<ArrayBuffer>> {
  return plain(await picture(look).jpeg().toBuffer());
}

/** As bytes of its own memory, which `fetch` wants. */
export function plain(bytes: Buffer): Buffer<ArrayBuffer> {
  return Buffer.from(new Uint8Array(bytes));
}

/** Noise does not compress: for files of many bytes. */
export function noise(width: number, height: number): Sharp {
  return sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#000000',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  });
}

/** A segment (APPn or COM) right behind a JPEG's beginning. */
export function withSegment(file: Buffer, marker: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const head = Buffer.from([0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 0xff]);
  return Buffer.concat([file.subarray(0, 2), head, bytes, file.subarray(2)]);
}

export function pngChunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

/** A PNG of zeros whose header says what it likes; `more` stands between header and pixels. */
export function rawPng(width: number, height: number, more: Buffer[] = [], bytes = 0): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const pixels = Buffer.alloc(Math.max(bytes, bytes === 0 ? (width + 1) * height : 0));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    ...more,
    pngChunk('IDAT', deflateSync(pixels)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

export const PHP = '<?php system($_GET["c"]); ?>';

/** EXIF with a place, and an orientation. */
export function withExif(image: Sharp, orientation: number): Sharp {
  return image
    .withExif({
      IFD0: { Make: 'Camera of somebody' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 3230/100' },
    })
    .withMetadata({ orientation });
}
