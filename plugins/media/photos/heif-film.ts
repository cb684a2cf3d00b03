// Packs a HEIF photo's tiles as the frames of an MP4: every ffmpeg reads that, only new ones HEIF.
import type { CodedPhoto } from './heif-boxes.ts';

/**
 * Returns a minimal MP4 with one frame a tile; the coded bytes and their configuration are
 * unchanged.
 */
export function makeFilm(photo: CodedPhoto): Buffer {
  const { tiles } = photo;
  const ftyp = box('ftyp', Buffer.from('isom\0\0\x02\0isommp41', 'latin1'));
  const head = (offset: number) => Buffer.concat([ftyp, moov(photo, offset)]);
  const offset = head(0).length + 8;
  return Buffer.concat([head(offset), box('mdat', ...tiles)]);
}

function box(type: string, ...bodies: Buffer[]): Buffer {
  const size = 8 + bodies.reduce((sum, body) => sum + body.length, 0);
  return Buffer.concat([numbers(size), Buffer.from(type, 'latin1'), ...bodies]);
}

/** Returns the numbers with 32 bits each. */
function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

const UNIT = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
const zeros = (count: number) => Buffer.alloc(count);

/** Returns the index. `offset`: where in the file the first tile begins. */
function moov({ tiles, tile, hvcC, colr }: CodedPhoto, offset: number): Buffer {
  const { width, height } = tile;
  const count = tiles.length;
  // Each frame lasts one second.
  const mvhd = box(
    'mvhd',
    numbers(0, 0, 0, 1, count, 0x10000, 0x01000000, 0, 0, ...UNIT),
    zeros(24),
    numbers(2),
  );
  const tkhd = box(
    'tkhd',
    numbers(3, 0, 0, 1, 0, count, 0, 0, 0, 0, ...UNIT, width * 0x10000, height * 0x10000),
  );
  const mdhd = box('mdhd', numbers(0, 0, 0, 1, count, 0x55c40000));
  const hdlr = box('hdlr', numbers(0, 0), Buffer.from('vide'), zeros(13));
  const stbl = box(
    'stbl',
    box('stsd', numbers(0, 1), sampleEntry(tile, hvcC, colr)),
    box('stts', numbers(0, 1, count, 1)),
    box('stsc', numbers(0, 1, 1, count, 1)),
    box('stsz', numbers(0, 0, count, ...tiles.map(({ length }) => length))),
    box('stco', numbers(0, 1, offset)),
  );
  const dinf = box('dinf', box('dref', numbers(0, 1), box('url ', numbers(1))));
  const minf = box('minf', box('vmhd', numbers(1, 0, 0)), dinf, stbl);
  return box('moov', mvhd, box('trak', tkhd, box('mdia', mdhd, hdlr, minf)));
}

function sampleEntry(
  { width, height }: CodedPhoto['tile'],
  hvcC: Buffer,
  colr: Buffer | null,
): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(width, 0);
  size.writeUInt16BE(height, 2);
  return box(
    'hvc1',
    ...[numbers(0, 1), zeros(16), size, numbers(0x480000, 0x480000, 0, 0x10000), zeros(30)],
    ...[Buffer.from([0, 24, 0xff, 0xff]), box('hvcC', hvcC)],
    ...(colr ? [box('colr', colr)] : []),
  );
}
