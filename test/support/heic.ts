// HEIC photos made at test time: x265 codes the tiles, the boxes around them are written here.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sharp } from 'sharp';

export interface HeicLook {
  columns?: number;
  rows?: number;
  /** Cut off at the right and below, where the tiles stand over. */
  size?: { width: number; height: number };
  /** `irot`: quarters against the clock. */
  turns?: number;
  icc?: Buffer;
}

/** The picture as HEIC, in tiles where asked for. */
export async function heic(image: Sharp, look: HeicLook = {}): Promise<Buffer> {
  const { columns = 1, rows = 1 } = look;
  const { data, info } = await image.png().toBuffer({ resolveWithObject: true });
  const tile = { width: info.width / columns, height: info.height / rows };
  const { samples, hvcC } = await coded(data, tile, columns * rows, columns);
  const isGrid = samples.length > 1;
  const size = look.size ?? { width: info.width, height: info.height };
  const tileIds = samples.map((_, index) => index + 2);
  const grid = Buffer.from([
    0,
    0,
    rows - 1,
    columns - 1,
    ...short(size.width),
    ...short(size.height),
  ]);
  const items: { id: number; bytes: Buffer }[] = isGrid ? [{ id: 1, bytes: grid }] : [];
  items.push(...samples.map((bytes, index) => ({ id: isGrid ? index + 2 : 1, bytes })));
  const shown = [
    ...(look.turns ? [box('irot', Buffer.from([look.turns]))] : []),
    ...(look.icc ? [box('colr', Buffer.from('prof'), look.icc)] : []),
  ];
  const properties = [
    box('hvcC', hvcC),
    full('ispe', long(tile.width), long(tile.height)),
    full('ispe', long(size.width), long(size.height)),
    ...shown,
  ];
  const ofWhole = [...(isGrid ? [3] : [1, 2]), ...shown.map((_, index) => 4 + index)];
  const assigned = [[1, ...ofWhole], ...(isGrid ? tileIds.map((id) => [id, 1, 2]) : [])];
  const ftyp = box('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1'));
  const meta = (offset: number) => {
    let at = offset;
    const places = items.map(({ id, bytes }) => {
      at += bytes.length;
      return Buffer.concat([
        short(id),
        short(0),
        short(1),
        long(at - bytes.length),
        long(bytes.length),
      ]);
    });
    return full(
      'meta',
      full('hdlr', long(0), Buffer.from('pict'), Buffer.alloc(13)),
      full('pitm', short(1)),
      full(
        'iinf',
        short(items.length),
        ...items.map(({ id }) =>
          versioned(
            2,
            'infe',
            short(id),
            short(0),
            Buffer.from(isGrid && id === 1 ? 'grid\0' : 'hvc1\0'),
          ),
        ),
      ),
      ...(isGrid
        ? [full('iref', box('dimg', short(1), short(tileIds.length), ...tileIds.map(short)))]
        : []),
      full('iloc', Buffer.from([0x44, 0]), short(items.length), ...places),
      box(
        'iprp',
        box('ipco', ...properties),
        full(
          'ipma',
          long(assigned.length),
          ...assigned.map(([id = 0, ...indexes]) =>
            Buffer.concat([short(id), Buffer.from([indexes.length, ...indexes])]),
          ),
        ),
      ),
    );
  };
  const offset = ftyp.length + meta(0).length + 8;
  return Buffer.concat([ftyp, meta(offset), box('mdat', ...items.map(({ bytes }) => bytes))]);
}

/** Each tile as one frame of a film, and what its decoder has to know. */
async function coded(
  png: Buffer,
  tile: { width: number; height: number },
  count: number,
  columns: number,
): Promise<{ samples: Buffer[]; hvcC: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-heic-'));
  const film = join(folder, 'tiles.mp4');
  const x = `mod(n,${columns})*${tile.width}`;
  const y = `floor(n/${columns})*${tile.height}`;
  writeFileSync(join(folder, 'whole.png'), png);
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-loop', '1', '-i', join(folder, 'whole.png')],
    ...['-vf', `crop=${tile.width}:${tile.height}:'${x}':'${y}'`, '-frames:v', String(count)],
    ...['-c:v', 'libx265', '-x265-params', 'keyint=1:bframes=0:log-level=error', '-crf', '10'],
    ...['-tag:v', 'hvc1', '-pix_fmt', 'yuv420p', film],
  ]);
  const bytes = readFileSync(film);
  const hvcC = inside(bytes, 'hvcC');
  const stsz = inside(bytes, 'stsz');
  let at = bytes.indexOf('mdat') + 4;
  const samples = Array.from({ length: count }, (_, index) => {
    // One size for all, or one each.
    const size = stsz.readUInt32BE(4) || stsz.readUInt32BE(12 + index * 4);
    at += size;
    return bytes.subarray(at - size, at);
  });
  return { samples, hvcC };
}

/** The body of the only box of that name. */
function inside(bytes: Buffer, type: string): Buffer {
  const at = bytes.indexOf(type);
  return bytes.subarray(at + 4, at - 4 + bytes.readUInt32BE(at - 4));
}

function box(type: string, ...bodies: Buffer[]): Buffer {
  const body = Buffer.concat(bodies);
  return Buffer.concat([long(body.length + 8), Buffer.from(type), body]);
}

const full = (type: string, ...bodies: Buffer[]) => versioned(0, type, ...bodies);
const versioned = (version: number, type: string, ...bodies: Buffer[]) =>
  box(type, Buffer.from([version, 0, 0, 0]), ...bodies);

function short(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
