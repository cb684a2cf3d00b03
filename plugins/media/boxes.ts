// The boxes of which an MP4 is made (ISO/IEC 14496-12): a length, four letters, and contents.
import type { FileHandle } from 'node:fs/promises';

export interface Box {
  type: string;
  /** Where its contents begin and end, from the start of the file or buffer. */
  body: number;
  end: number;
}

/** No list has more; a hostile one may have millions. */
const MAX_SIBLINGS = 10_000;

/** The box at a place of the file, or null when there is none. Its end may lie beyond the file's. */
export async function readBox(file: FileHandle, at: number, size: number): Promise<Box | null> {
  const head = Buffer.alloc(16);
  const { bytesRead } = await file.read(head, 0, 16, at);
  return parseBox(head.subarray(0, bytesRead), at, size);
}

/** The boxes that stand one after the other in a buffer, each cut to what is there. */
export function boxesOf(buffer: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= buffer.length && boxes.length < MAX_SIBLINGS; ) {
    const box = parseBox(buffer.subarray(at, at + 16), at, buffer.length);
    if (!box) break;
    boxes.push({ ...box, end: Math.min(box.end, buffer.length) });
    at = box.end;
  }
  return boxes;
}

function parseBox(head: Buffer, at: number, limit: number): Box | null {
  if (head.length < 8) return null;
  const type = head.toString('latin1', 4, 8);
  const short = head.readUInt32BE(0);
  // 0: to the end; 1: the length is in the next eight bytes.
  if (short === 0) return { type, body: at + 8, end: limit };
  if (short !== 1) return short < 8 ? null : { type, body: at + 8, end: at + short };
  if (head.length < 16) return null;
  const long = Number(head.readBigUInt64BE(8));
  return long < 16 ? null : { type, body: at + 16, end: at + long };
}
