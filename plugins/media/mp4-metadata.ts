// Lists the names of the metadata in an MP4's `meta` box, in ISO's form and in QuickTime's.
import { boxesIn } from './iso-boxes.ts';

/**
 * Returns names such as `©xyz` or `com.apple.quicktime.make`, also those that ffprobe does not
 * know. A box that neither holds metadata nor is needed to read it is listed by its type.
 */
export function namesInMeta(meta: Buffer): string[] {
  // ISO's form begins with a version of four bytes, QuickTime's with the handler box.
  const list = meta.toString('latin1', 4, 8) === 'hdlr' ? meta : meta.subarray(4);
  return boxesIn(list).flatMap(({ type, body }) => {
    if (type === 'hdlr' || type === 'free') return [];
    if (type === 'keys') return namesInKeys(body.subarray(8));
    return type === 'ilst' ? namesInList(body) : [type];
  });
}

function namesInKeys(keys: Buffer): string[] {
  return boxesIn(keys).map(({ body }) => body.toString('utf8'));
}

/** Entries that are numbers of `keys` begin with a zero byte; `namesInKeys` lists their names. */
function namesInList(list: Buffer): string[] {
  return boxesIn(list).flatMap(({ type }) => (type.startsWith('\0') ? [] : [type]));
}
