// Checks, before work begins, that the disk has space for the working files.
import { Problem, type StepContext } from '#plugin';

/**
 * Checks that `bytes` fit on the disk of the working files, with the reserve left over.
 *
 * @throws Problem `storage_full`, which makes the job wait and try again.
 */
export async function assertDiskSpace(context: StepContext, bytes: number): Promise<void> {
  if (await context.hasDiskSpace(bytes)) return;
  throw new Problem(
    'storage_full',
    `The server has no free space to work on the video at the moment; it needs ${Math.ceil(bytes / 1_000_000)} MB. The post goes on by itself when there is space again.`,
  );
}
