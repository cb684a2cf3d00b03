// Makes a file, or the names in a folder, outlive a loss of power.
import { open } from 'node:fs/promises';

export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
