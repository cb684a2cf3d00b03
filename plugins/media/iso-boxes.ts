// The boxes that MP4 and HEIF files are made of. ISO/IEC 14496-12.

export interface Box {
  type: string;
  /** Without its header. */
  body: Buffer;
}

/** Those that are whole; what is cut or lies about its size ends the list. */
export function boxesIn(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const short = bytes.readUInt32BE(at);
    const head = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short;
    const end = size === 0 ? bytes.length : at + size;
    if (end > bytes.length || end < at + head) break;
    boxes.push({
      type: bytes.toString('latin1', at + 4, at + 8),
      body: bytes.subarray(at + head, end),
    });
    at = end;
  }
  return boxes;
}

export function one(boxes: Box[], type: string): Box {
  const found = boxes.find((box) => box.type === type);
  if (!found) throw new Error(`Expected a box ${type}`);
  return found;
}

/** Reads whole numbers of 0 to 8 bytes, one after the other; running out of bytes throws. */
export function reader(bytes: Buffer, start: number): (size: number) => number {
  let at = start;
  return (size) => {
    at += size;
    if (size === 0) return 0;
    return size === 8 ? Number(bytes.readBigUInt64BE(at - 8)) : bytes.readUIntBE(at - size, size);
  };
}
