// Checks, before work begins, that the disk has space for the working files.
import { statfs } from 'node:fs/promises';
import { Problem } from '#plugin';

/** Free space that is left to everything else on the disk: the database must be able to write. */
const RESERVE_BYTES = 200_000_000;

/**
 * Checks that `bytes` fit on the disk of `folder`, with the reserve left over.
 *
 * @throws Problem `storage_full`, which makes the job wait and try again.
 */
export async function assertDiskSpace(bytes: number, folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes + RESERVE_BYTES) return;
  throw new Problem(
    'storage_full',
    `The server has no free space to work on the video at the moment; it needs ${Math.ceil(bytes / 1_000_000)} MB. The post goes on by itself when there is space again.`,
  );
}
