// Working folders of processes that are gone, so that no half-made video outlives its process.
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Context } from '#plugin';
import type { Batch } from './batches.ts';

// A living process touches its folder each hour, on whatever machine it runs.
const IDLE_MS = 24 * 3600_000;

/** Folders are named by host and process id: those of this host's dead, and all that idled for a day. */
export async function removeAbandonedScratch(ctx: Context): Promise<Batch> {
  const all = dirname(ctx.scratch);
  const batch = { removed: 0, bytes: 0, is_last: true };
  for (const name of await readdir(all)) {
    if (name === basename(ctx.scratch)) continue;
    const path = join(all, name);
    const found = await stat(path).catch(() => null);
    if (!found || !(isOfTheDead(name) || Date.now() - found.mtimeMs > IDLE_MS)) continue;
    batch.bytes += await bytesIn(path);
    await rm(path, { recursive: true, force: true });
    batch.removed += 1;
  }
  return batch;
}

function isOfTheDead(name: string): boolean {
  const [, host, pid] = /^(.+)-(\d+)$/.exec(name) ?? [];
  if (host !== hostname()) return false;
  try {
    return !process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
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
