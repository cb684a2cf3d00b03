// Refuses media work that the disk has no room for, before the work begins.
import { hasDiskSpace, Problem } from '#plugin';

/**
 * Checks that `bytes` of working files fit into the folder's disk.
 * @throws Problem `storage_full`; the job then waits and tries again.
 */
export async function assertDiskSpace(bytes: number, folder: string): Promise<void> {
  if (await hasDiskSpace(folder, bytes)) return;
  throw new Problem(
    'storage_full',
    `There is no room to work on the video at the moment; it needs ${Math.ceil(bytes / 1_000_000)} MB. It goes on by itself when there is.`,
  );
}
