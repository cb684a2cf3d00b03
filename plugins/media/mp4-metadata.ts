// The names under which an MP4 keeps notes about itself: `meta`, in the forms of ISO and of QuickTime.
import { boxesIn } from './iso-boxes.ts';

/**
 * E.g. `©xyz` or `com.apple.quicktime.make`, known to ffprobe or not; what is neither a list of
 * notes nor needed to read one is named by its box.
 */
export function namesInMeta(meta: Buffer): string[] {
  // ISO's begins with a version, QuickTime's at once with its handler.
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

/** Beside keys the notes are numbered, and begin with a zero byte. */
function namesInList(list: Buffer): string[] {
  return boxesIn(list).flatMap(({ type }) => (type.startsWith('\0') ? [] : [type]));
}
