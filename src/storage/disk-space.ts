// Checks that a disk keeps a reserve of free space for everything else that uses it.
import { statfs } from 'node:fs/promises';

/** Left free for the rest of the disk: the database must be able to write. */
const RESERVE_BYTES = 200_000_000;

/**
 * Returns false if writing `bytes` more to the disk of this folder would leave under 200 MB free.
 */
export async function hasDiskSpace(folder: string, bytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize >= bytes + RESERVE_BYTES;
}
