// Whether there is room for the working files, asked before work begins.
import { statfs } from 'node:fs/promises';
import { Problem } from '#plugin';

/** Left to everything else on the same disk: the database must be able to write. */
const RESERVE_BYTES = 200_000_000;

/** Throws `storage_full`, upon which a job waits. */
export async function assertDiskSpace(bytes: number, folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes + RESERVE_BYTES) return;
  throw new Problem(
    'storage_full',
    `There is no room to work on the video at the moment; it needs ${Math.ceil(bytes / 1_000_000)} MB. It goes on by itself when there is.`,
  );
}
