// Removes what a crash left half written on a disk.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HOUR_MS } from '../base/time.ts';

// Far longer than the two minutes that an upload may idle.
const ABANDONED_MS = HOUR_MS;

/** Every write goes to a `.part` first; one that nobody has touched for an hour nobody will finish. */
export async function removeAbandonedParts(
  folders: string[],
): Promise<{ removed: number; bytes: number }> {
  const sum = { removed: 0, bytes: 0 };
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const found = name.endsWith('.part') ? await stat(path).catch(() => null) : null;
      if (!found || Date.now() - found.mtimeMs <= ABANDONED_MS) continue;
      await rm(path, { force: true });
      sum.removed += 1;
      sum.bytes += found.size;
    }
  }
  return sum;
}
