// Reads what ffprobe does not tell: how an MP4 is laid out, what it hides, and what a Matroska calls itself.
import { type FileHandle, open } from 'node:fs/promises';
import { boxesIn, readHead } from './iso-boxes.ts';
import { namesInMeta } from './mp4-metadata.ts';

export interface Structure {
  /** `mp4` is the whole family (MOV, 3GP, …); `other` is everything that is none of the rest. */
  kind: 'mp4' | 'webm' | 'matroska' | 'other';
  /** The brand of an MP4, e.g. `isom` or `qt`; empty where it has none. */
  brand: string;
  isIndexLast: boolean;
  isFragmented: boolean;
  isEncrypted: boolean;
  /** Its samples are said to be in another file. */
  hasExternalData: boolean;
  /** More than one view of the same scene (spatial video). */
  hasSeveralViews: boolean;
  /** It ends before its own index says so. */
  isCutOff: boolean;
  /** Footage that is stored but not meant to be seen: cut off at the end, or elsewhere. */
  hides: 'nothing' | 'end' | 'parts';
  /** Types of boxes that no player needs, e.g. `uuid` or `smta`. */
  extras: string[];
  /** Names of its notes, also of those that ffprobe does not know. */
  metadata: string[];
}

const PLAIN: Structure = {
  kind: 'other',
  brand: '',
  isIndexLast: false,
  isFragmented: false,
  isEncrypted: false,
  hasExternalData: false,
  hasSeveralViews: false,
  isCutOff: false,
  hides: 'nothing',
  extras: [],
  metadata: [],
};

/** A ten-minute video needs two megabytes of index; beyond this it is not looked into. */
const MAX_INDEX_BYTES = 64_000_000;
/** A file written in fragments has one box for each; what it is is known long before. */
const MAX_BOXES = 1_000;
const FIRST_BOXES = ['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot', 'styp', 'moof'];

export async function readStructure(path: string): Promise<Structure> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(4096);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead < 16) return PLAIN;
    if (head.readUInt32BE(0) === 0x1a45dfa3) return { ...PLAIN, kind: documentType(head) };
    if (FIRST_BOXES.includes(head.toString('latin1', 4, 8))) return await readLayout(file);
    return PLAIN;
  } finally {
    await file.close();
  }
}

/** EBML: the DocType element (0x4282) stands in the first bytes. */
function documentType(head: Buffer): 'webm' | 'matroska' {
  const at = head.indexOf(Buffer.from([0x42, 0x82]));
  return at > 0 && head.toString('latin1', at + 3, at + 7) === 'webm' ? 'webm' : 'matroska';
}

const FRAGMENTS = ['moof', 'mfra', 'sidx', 'ssix', 'styp', 'emsg', 'prft'];
const CONTENT = ['moov', 'mdat', 'moof'];
const NEEDED = [...CONTENT, 'ftyp', 'free', 'skip', 'wide', ...FRAGMENTS];

async function readLayout(file: FileHandle): Promise<Structure> {
  const { size } = await file.stat();
  const found: Structure = { ...PLAIN, kind: 'mp4', extras: [], metadata: [] };
  let index: Buffer | null = null;
  let hasSamples = false;
  let at = 0;
  for (let count = 0; at < size && count < MAX_BOXES; count += 1) {
    const head = readHead(await bytesAt(file, at, 16));
    const end = head?.size === 0 ? size : at + (head?.size ?? 0);
    if (!head || end < at + head.length) {
      found.extras.push('tail');
      break;
    }
    const { type } = head;
    const body = (limit: number) =>
      bytesAt(file, at + head.length, Math.min(limit, end - at - head.length));
    if (type === 'ftyp') found.brand = (await body(4)).toString('latin1').trim();
    if (type === 'mdat') hasSamples = true;
    if (FRAGMENTS.includes(type)) found.isFragmented = true;
    else if (!NEEDED.includes(type)) found.extras.push(type);
    if (type === 'moov' && !index) {
      found.isIndexLast = hasSamples;
      index = await body(Math.min(MAX_INDEX_BYTES, size));
    }
    // What else goes on beyond the end is no box but the maker's own.
    if (end > size && CONTENT.includes(type)) found.isCutOff = true;
    at = end;
  }
  return index ? readIndex(index, found) : found;
}

async function bytesAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, at);
  return bytes.subarray(0, bytesRead);
}

/** The boxes of an index that say how to play it; whatever else is there is told. */
const PLAYED: Record<string, string[]> = {
  moov: ['mvhd', 'iods', 'trak', 'mvex', 'udta', 'free', 'skip'],
  trak: ['tkhd', 'edts', 'mdia', 'tref', 'tapt', 'udta', 'load', 'free', 'skip'],
  // Chapters are counted with the streams.
  udta: ['chpl', 'name', 'free', 'skip', '\0\0\0\0'],
};

function readIndex(index: Buffer, found: Structure): Structure {
  const collectMetadata = (parent: string, buffer: Buffer) => {
    for (const { type, body } of boxesIn(buffer)) {
      if (type === 'pssh') found.isEncrypted = true;
      else if (type === 'meta') found.metadata.push(...namesInMeta(body));
      else if (type.startsWith('©')) found.metadata.push(type);
      else if (!PLAYED[parent]?.includes(type)) found.extras.push(type);
      if (type === 'udta') collectMetadata('udta', body);
      if (type === 'mvex') found.isFragmented = true;
      if (type !== 'trak') continue;
      collectMetadata('trak', body);
      readTrack(body, readTimescale(index, 'mvhd'), found);
    }
  };
  collectMetadata('moov', index);
  return found;
}

function readTrack(track: Buffer, movieTimescale: number, found: Structure): void {
  const media = find(track, 'mdia');
  const tables = find(media, 'minf', 'stbl');
  for (const { type, body } of boxesIn(find(tables, 'stsd').subarray(8))) {
    if (type === 'encv' || type === 'enca') found.isEncrypted = true;
    if (type !== 'hvc1' && type !== 'hev1') continue;
    const parts = boxesIn(body.subarray(78)).map((part) => part.type);
    if (parts.includes('lhvC') || parts.includes('vexu')) found.hasSeveralViews = true;
  }
  const references = find(media, 'minf', 'dinf', 'dref');
  for (const { body } of boxesIn(references.subarray(8))) {
    // The lowest flag says that the samples are in this very file.
    if (((body[3] ?? 1) & 1) === 0) found.hasExternalData = true;
  }
  const hides = whatIsHidden(track, media, movieTimescale);
  if (hides === 'parts' || found.hides === 'nothing') found.hides = hides;
}

/** Encoders need up to a tenth of a second before the first sample that is meant to be heard. */
const LEAD_IN_S = 0.2;
const LEAD_OUT_S = 0.5;

/** An edit list may skip the beginning or the end, or play the parts in another order. */
function whatIsHidden(track: Buffer, media: Buffer, movieTimescale: number): Structure['hides'] {
  const list = find(track, 'edts', 'elst');
  if (list.length < 8) return 'nothing';
  const isWide = list[0] === 1;
  const size = isWide ? 20 : 12;
  const count = Math.min(list.readUInt32BE(4), Math.floor((list.length - 8) / size));
  const edits = Array.from({ length: count }, (_, number) => {
    const at = 8 + number * size;
    return {
      duration: isWide ? Number(list.readBigUInt64BE(at)) : list.readUInt32BE(at),
      start: isWide ? Number(list.readBigInt64BE(at + 8)) : list.readInt32BE(at + 4),
      rate: list.readInt32BE(at + size - 4) / 65_536,
    };
  }).filter(({ start }) => start >= 0);
  const [edit] = edits;
  if (!edit) return 'nothing';
  const startS = edit.start / readTimescale(media, 'mdhd');
  if (edits.length > 1 || edit.rate !== 1 || startS > LEAD_IN_S) return 'parts';
  const shownS = edit.duration / movieTimescale;
  const storedS = readDuration(media) / readTimescale(media, 'mdhd') - startS;
  return edit.duration > 0 && storedS - shownS > LEAD_OUT_S ? 'end' : 'nothing';
}

/** `mvhd` and `mdhd` begin alike: version, two times, timescale, duration. */
function readTimescale(parent: Buffer, header: string): number {
  const box = find(parent, header);
  const at = box[0] === 1 ? 20 : 12;
  return box.length >= at + 4 ? Math.max(1, box.readUInt32BE(at)) : 1;
}

function readDuration(media: Buffer): number {
  const box = find(media, 'mdhd');
  if (box[0] === 1) return box.length >= 32 ? Number(box.readBigUInt64BE(24)) : 0;
  return box.length >= 20 ? box.readUInt32BE(16) : 0;
}

/** The body of the box at that path; empty where there is none. */
function find(parent: Buffer, ...path: string[]): Buffer {
  return path.reduce(
    (buffer, type) => boxesIn(buffer).find((box) => box.type === type)?.body ?? Buffer.alloc(0),
    parent,
  );
}
