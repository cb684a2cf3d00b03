// Removes half-written files that a crash left on a disk.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HOUR_MS } from '../base/time.ts';

// An upload may idle for two minutes, so nobody will finish a file that was idle for an hour.
const ABANDONED_MS = HOUR_MS;

/**
 * Removes the `.part` files in these folders that nobody has written to for an hour; every write
 * goes to one first. Returns how many files and bytes were removed.
 */
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
