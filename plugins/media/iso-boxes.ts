// Reads the boxes that MP4 and HEIF files are made of (ISO/IEC 14496-12).

export interface Box {
  type: string;
  /** The content, without the header. */
  body: Buffer;
}

/** More than any real list of boxes has; a hostile file may have millions. */
const MAX_BOXES = 10_000;

/**
 * Returns the complete boxes in `bytes`. A box that is cut off, or has a false size, ends the list.
 */
export function boxesIn(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes.length && boxes.length < MAX_BOXES; ) {
    const head = readHead(bytes.subarray(at, at + 16));
    const end = head?.size === 0 ? bytes.length : at + (head?.size ?? 0);
    if (!head || end > bytes.length || end < at + head.length) break;
    boxes.push({ type: head.type, body: bytes.subarray(at + head.length, end) });
    at = end;
  }
  return boxes;
}

/**
 * Reads the header of a box from its first 16 bytes, or from fewer at the end of a file. `size` is
 * that of the whole box, 0 for "to the end"; `length` is the header's. Null when bytes are missing.
 */
export function readHead(bytes: Buffer): { type: string; size: number; length: number } | null {
  if (bytes.length < 8) return null;
  const type = bytes.toString('latin1', 4, 8);
  const short = bytes.readUInt32BE(0);
  if (short !== 1) return { type, size: short, length: 8 };
  if (bytes.length < 16) return null;
  return { type, size: Number(bytes.readBigUInt64BE(8)), length: 16 };
}

/** Returns the first box of this type; throws when there is none. */
export function one(boxes: Box[], type: string): Box {
  const found = boxes.find((box) => box.type === type);
  if (!found) throw new Error(`Expected a box ${type}`);
  return found;
}

/**
 * Returns a function that reads unsigned numbers of 0 to 8 bytes in turn, and throws at the end.
 */
export function reader(bytes: Buffer, start: number): (size: number) => number {
  let at = start;
  return (size) => {
    at += size;
    if (size === 0) return 0;
    return size === 8 ? Number(bytes.readBigUInt64BE(at - 8)) : bytes.readUIntBE(at - size, size);
  };
}
