// Reads from the boxes of a HEIF file which coded pictures make up the photo; decodes none.
// ISO/IEC 14496-12 and 23008-12.
import { type Box, boxesIn, one, reader } from '../iso-boxes.ts';

/** A photo as coded: rows of tiles of one size, which share one decoder configuration. */
export interface CodedPhoto {
  tiles: Buffer[];
  columns: number;
  rows: number;
  tile: Size;
  /** The size of the photo before it is turned. The last tiles may reach beyond it. */
  size: Size;
  hvcC: Buffer;
  /** The colour space (`nclx`), if the file names it. */
  colr: Buffer | null;
  /** How the photo is turned and mirrored to be shown, in this order. */
  turns: ('left' | 'over' | 'right' | 'flip' | 'mirror')[];
}

export interface Size {
  width: number;
  height: number;
}

const MAX_TILES = 1024;

/** Returns the photo's tiles. Throws an error of any kind for a file of another structure. */
export function readHeif(file: Buffer): CodedPhoto {
  const meta = boxesIn(one(boxesIn(file), 'meta').body.subarray(4));
  const items = readItems(meta, file);
  const pitm = one(meta, 'pitm').body;
  const primary = items.get(pitm[0] === 0 ? pitm.readUInt16BE(4) : pitm.readUInt32BE(4));
  const ids = primary.type === 'grid' ? readReferences(meta, primary.id) : [primary.id];
  const parts = ids.map((id) => items.get(id));
  const [first] = parts;
  if (!first || parts.length > MAX_TILES) throw new Error('Expected up to 1024 tiles');
  const hvcC = one(first.properties, 'hvcC').body;
  const isAlike = parts.every(
    ({ type, properties }) => type === 'hvc1' && one(properties, 'hvcC').body.equals(hvcC),
  );
  if (!isAlike) throw new Error('Expected tiles of one kind');
  const tile = readSize(first.properties);
  const grid = primary.type === 'grid' ? readGrid(primary.data()) : { columns: 1, rows: 1 };
  if (grid.columns * grid.rows !== parts.length) throw new Error('Expected a tile for each place');
  return {
    tiles: parts.map(({ data }) => data()),
    ...grid,
    tile,
    size: readSize(primary.properties),
    hvcC,
    colr: findNclx(primary.properties) ?? findNclx(first.properties),
    turns: primary.properties.flatMap(readTurns),
  };
}

interface Item {
  id: number;
  type: string;
  properties: Box[];
  data(): Buffer;
}

function readItems(meta: Box[], file: Buffer): { get(id: number): Item } {
  const types = readTypes(one(meta, 'iinf').body);
  const places = readPlaces(one(meta, 'iloc').body);
  const properties = readProperties(boxesIn(one(meta, 'iprp').body));
  const idat = meta.find(({ type }) => type === 'idat')?.body ?? Buffer.alloc(0);
  // A hostile file may name the same bytes many times, so that a small file would fill the memory.
  let left = file.length;
  return {
    get(id) {
      const [type, place] = [types.get(id), places.get(id)];
      if (!type || !place) throw new Error('Expected an item that is there');
      const from = place.isBeside ? idat : file;
      const data = () =>
        Buffer.concat(
          place.extents.map(({ offset, length }) => {
            const part = from.subarray(offset, length === 0 ? undefined : offset + length);
            left -= part.length;
            const isWhole = length === 0 || part.length === length;
            if (!isWhole || left < 0) throw new Error('Expected items within the file');
            return part;
          }),
        );
      return { id, type, properties: properties.get(id) ?? [], data };
    },
  };
}

function readTypes(iinf: Buffer): Map<number, string> {
  const entries = boxesIn(iinf.subarray(iinf[0] === 0 ? 6 : 8));
  return new Map(
    entries.map(({ body }) => {
      const isLong = body[0] === 3;
      const id = isLong ? body.readUInt32BE(4) : body.readUInt16BE(4);
      return [id, body.toString('latin1', isLong ? 10 : 8, isLong ? 14 : 12)];
    }),
  );
}

interface Place {
  isBeside: boolean;
  extents: { offset: number; length: number }[];
}

function readPlaces(iloc: Buffer): Map<number, Place> {
  const read = reader(iloc, 6);
  const version = iloc[0] ?? 0;
  const [sizes, more] = [iloc[4] ?? 0, iloc[5] ?? 0];
  const places = new Map<number, Place>();
  const count = read(version < 2 ? 2 : 4);
  for (let n = 0; n < count; n += 1) {
    const id = read(version < 2 ? 2 : 4);
    const isBeside = version > 0 && (read(2) & 15) === 1;
    read(2);
    const base = read(more >> 4);
    const extents = Array.from({ length: read(2) }, () => {
      if (version > 0) read(more & 15);
      return { offset: base + read(sizes >> 4), length: read(sizes & 15) };
    });
    places.set(id, { isBeside, extents });
  }
  return places;
}

function readProperties(iprp: Box[]): Map<number, Box[]> {
  const all = boxesIn(one(iprp, 'ipco').body);
  const of = new Map<number, Box[]>();
  for (const { body } of iprp.filter(({ type }) => type === 'ipma')) {
    const read = reader(body, 4);
    const isLong = ((body[3] ?? 0) & 1) === 1;
    const count = read(4);
    for (let n = 0; n < count; n += 1) {
      const id = read(body[0] === 0 ? 2 : 4);
      const indexes = Array.from({ length: read(1) }, () =>
        isLong ? read(2) & 0x7fff : read(1) & 0x7f,
      );
      of.set(
        id,
        indexes.flatMap((index) => all[index - 1] ?? []),
      );
    }
  }
  return of;
}

/** Returns the ids of a grid's tiles, in their order. */
function readReferences(meta: Box[], id: number): number[] {
  const iref = one(meta, 'iref').body;
  const size = iref[0] === 0 ? 2 : 4;
  for (const { type, body } of boxesIn(iref.subarray(4))) {
    const read = reader(body, 0);
    if (type !== 'dimg' || read(size) !== id) continue;
    return Array.from({ length: read(2) }, () => read(size));
  }
  throw new Error('Expected the tiles of the grid');
}

function readGrid(data: Buffer): { columns: number; rows: number } {
  return { rows: (data[2] ?? 0) + 1, columns: (data[3] ?? 0) + 1 };
}

function readSize(properties: Box[]): Size {
  const { body } = one(properties, 'ispe');
  return { width: body.readUInt32BE(4), height: body.readUInt32BE(8) };
}

function findNclx(properties: Box[]): Buffer | null {
  const found = properties.find(
    ({ type, body }) => type === 'colr' && body.toString('latin1', 0, 4) === 'nclx',
  );
  return found?.body ?? null;
}

/**
 * `irot` counts quarter turns anticlockwise; `imir` swaps top and bottom (0) or left and right (1).
 */
function readTurns({ type, body }: Box): CodedPhoto['turns'] {
  const value = body[0] ?? 0;
  if (type === 'imir') return [value & 1 ? 'mirror' : 'flip'];
  const turn = ([null, 'left', 'over', 'right'] as const)[value & 3];
  return type === 'irot' && turn ? [turn] : [];
}
