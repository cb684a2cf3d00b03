// Syncs a file or a folder to the disk.
import { open } from 'node:fs/promises';

/** When it returns, the file, or the names in the folder, survive a loss of power. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
