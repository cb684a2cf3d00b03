// Removes the scratch folders of dead processes, so that no half-made video outlives its process.
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Context } from '../context/context.ts';

// A living process touches its folder each minute. The other nine allow for clocks that differ.
const IDLE_MS = 10 * 60_000;

/**
 * Judges a folder by its age alone. Host name and process id do not tell which process lives, since
 * several containers may have the same ones. Returns the folders and bytes that were removed.
 */
export async function removeAbandonedScratch(
  ctx: Context,
): Promise<{ removed: number; bytes: number }> {
  const all = dirname(ctx.scratch);
  const sum = { removed: 0, bytes: 0 };
  for (const name of await readdir(all)) {
    if (name === basename(ctx.scratch)) continue;
    const path = join(all, name);
    const found = await stat(path).catch(() => null);
    if (!found || Date.now() - found.mtimeMs <= IDLE_MS) continue;
    sum.bytes += await sumBytes(path);
    await rm(path, { recursive: true, force: true });
    sum.removed += 1;
  }
  return sum;
}

async function sumBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => null);
      return found?.isFile() ? found.size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
