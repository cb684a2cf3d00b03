// File system helpers: missing files, fsync, a full disk, and files that a crash left half written.
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../base/errors.ts';
import { HOUR_MS } from '../base/time.ts';

// Far longer than the two minutes that an upload may idle.
const ABANDONED_MS = HOUR_MS;

/**
 * Returns null if the file or folder does not exist. Every other error is thrown, so that a disk in
 * trouble is never taken for an empty one.
 */
export async function unlessAbsent<T>(looking: Promise<T>): Promise<T | null> {
  try {
    return await looking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Calls fsync on a file, or on a folder for the names in it, so that it survives a power cut. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Turns ENOSPC and EDQUOT into the Problem `storage_full`; returns every other error unchanged. */
export function fullDisk(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new Problem('storage_full', 'The disk is full. Nothing that was stored before is lost.', {
    cause: error,
  });
}

/**
 * Removes `.part` files that nobody has written to for an hour. Every write goes to a `.part` file
 * first, so such a file belongs to a write that never ended.
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
