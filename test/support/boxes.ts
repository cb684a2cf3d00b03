// Changes the boxes of an MP4 whose index stands at its end, so that nothing it points at moves.

export interface Found {
  start: number;
  body: number;
  end: number;
}

/** Contents of sample entries and of boxes with a version before their children. */
const BEFORE_CHILDREN: Record<string, number> = { stsd: 8, dref: 8, meta: 4, hvc1: 78, avc1: 78 };

/** Where the boxes of a path stand, from the outermost to the last. */
export function findBoxes(mp4: Buffer, path: string[]): Found[] {
  const found: Found[] = [];
  let from = 0;
  let to = mp4.length;
  for (const type of path) {
    let at = from;
    while (at + 8 <= to && mp4.toString('latin1', at + 4, at + 8) !== type)
      at += mp4.readUInt32BE(at) || to;
    if (at + 8 > to) throw new Error(`Expected a box ${path.join('/')}, found none`);
    const end = at + mp4.readUInt32BE(at);
    found.push({ start: at, body: at + 8, end });
    from = at + 8 + (BEFORE_CHILDREN[type] ?? 0);
    to = end;
  }
  return found;
}

export function aBox(type: string, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(bytes.length + 8, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, bytes]);
}

/** The file with another box at the end of the one at that path. */
export function withBox(mp4: Buffer, path: string[], box: Buffer): Buffer {
  const parents = findBoxes(mp4, path);
  const at = parents.at(-1)?.end ?? mp4.length;
  const made = Buffer.concat([mp4.subarray(0, at), box, mp4.subarray(at)]);
  for (const { start } of parents) made.writeUInt32BE(made.readUInt32BE(start) + box.length, start);
  return made;
}

/** The file with the contents of that box changed in place. */
export function withChange(mp4: Buffer, path: string[], change: (body: Buffer) => void): Buffer {
  const made = Buffer.from(mp4);
  const box = findBoxes(made, path).at(-1);
  if (box) change(made.subarray(box.body, box.end));
  return made;
}
