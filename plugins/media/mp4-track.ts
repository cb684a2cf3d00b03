// Reads what one track of an MP4 says about encryption, external data, views and hidden footage.
import { boxesIn } from './iso-boxes.ts';

/** What the tracks of one file say, all taken together. */
export interface TrackFacts {
  isEncrypted: boolean;
  /** The samples of a track are in another file. */
  hasExternalData: boolean;
  /** A track holds more than one view of the same scene (spatial video). */
  hasSeveralViews: boolean;
  /** Footage that is stored but not shown: `end` was cut off at the end, `parts` elsewhere. */
  hides: 'nothing' | 'end' | 'parts';
}

/** Adds what the `trak` box says to `found`. `movieTimescale`: units a second of its edit list. */
export function readTrack(track: Buffer, movieTimescale: number, found: TrackFacts): void {
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
    // The lowest flag says that the samples are in this file.
    if (((body[3] ?? 1) & 1) === 0) found.hasExternalData = true;
  }
  const hides = findHiddenFootage(track, media, movieTimescale);
  if (hides === 'parts' || found.hides === 'nothing') found.hides = hides;
}

/** Encoders put up to a tenth of a second before the first sample that is meant to be heard. */
const LEAD_IN_S = 0.2;
const LEAD_OUT_S = 0.5;

/**
 * Reads the edit list, which may skip the beginning or the end, or play the parts in another order.
 */
function findHiddenFootage(
  track: Buffer,
  media: Buffer,
  movieTimescale: number,
): TrackFacts['hides'] {
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

/**
 * Returns the units a second of a `moov` (header `mvhd`) or an `mdia` (header `mdhd`). Both headers
 * begin with version, two times, timescale and duration.
 */
export function readTimescale(parent: Buffer, header: string): number {
  const box = find(parent, header);
  const at = box[0] === 1 ? 20 : 12;
  return box.length >= at + 4 ? Math.max(1, box.readUInt32BE(at)) : 1;
}

function readDuration(media: Buffer): number {
  const box = find(media, 'mdhd');
  if (box[0] === 1) return box.length >= 32 ? Number(box.readBigUInt64BE(24)) : 0;
  return box.length >= 20 ? box.readUInt32BE(16) : 0;
}

/** Returns the body of the box at that path; empty when there is none. */
function find(parent: Buffer, ...path: string[]): Buffer {
  return path.reduce(
    (buffer, type) => boxesIn(buffer).find((box) => box.type === type)?.body ?? Buffer.alloc(0),
    parent,
  );
}
