// Working folders of processes that are gone, so that no half-made video outlives its process.
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Context } from '../context/context.ts';

// A living process touches its folder each minute; the rest is for machines whose clocks differ.
const IDLE_MS = 10 * 60_000;

/**
 * Whatever machine or container they ran on: neither a host's name nor a process id says who lives,
 * since several containers may have the same of both.
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
    sum.bytes += await bytesIn(path);
    await rm(path, { recursive: true, force: true });
    sum.removed += 1;
  }
  return sum;
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => null);
      return found?.isFile() ? found.size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
