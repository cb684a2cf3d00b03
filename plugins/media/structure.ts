// Reads what ffprobe does not report: an MP4's layout and hidden contents, and Matroska's type.
import { type FileHandle, open } from 'node:fs/promises';
import { boxesIn, readHead } from './iso-boxes.ts';
import { namesInMeta } from './mp4-metadata.ts';
import { readTimescale, readTrack, type TrackFacts } from './mp4-track.ts';

export interface Structure extends TrackFacts {
  /** `mp4` stands for the whole family (MOV, 3GP, …). */
  kind: 'mp4' | 'webm' | 'matroska' | 'other';
  /** The brand of an MP4, e.g. `isom` or `qt`; empty when it has none. */
  brand: string;
  /** The index (`moov`) stands after the samples. */
  isIndexLast: boolean;
  isFragmented: boolean;
  /** The file ends before the end of one of its boxes. */
  isCutOff: boolean;
  /** Types of boxes that no player needs, e.g. `uuid` or `smta`. */
  extras: string[];
  /** Names of the metadata, also of those that ffprobe does not know. */
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

/** How much of an index is read. A ten-minute video has about two megabytes. */
const MAX_INDEX_BYTES = 64_000_000;
/** How many boxes are read. A fragmented file has one for each fragment; the first ones suffice. */
const MAX_BOXES = 1_000;
const FIRST_BOXES = ['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot', 'styp', 'moof'];

/** Returns how a file is laid out; `kind` is `other` for what is neither MP4 nor Matroska. */
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

/** In EBML the DocType element (0x4282) stands in the first bytes. */
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
    // Any other box that goes on beyond the end is the maker's own data, not a box of the format.
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

/** The boxes of an index that players need, by their parent; all others are listed in `extras`. */
const PLAYED: Record<string, string[]> = {
  moov: ['mvhd', 'iods', 'trak', 'mvex', 'udta', 'free', 'skip'],
  trak: ['tkhd', 'edts', 'mdia', 'tref', 'tapt', 'udta', 'load', 'free', 'skip'],
  // ffprobe reports chapters (`chpl`).
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
