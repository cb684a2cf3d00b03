// Makes a process's folder for working files, and touches it for as long as the process lives.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';

const TOUCH_MS = 60_000;

/**
 * Makes the folder below `dataDir/scratch` and returns its path. Its name is random, since
 * containers that share the data may have the same host name and process ids. Retention removes
 * folders that no process touches. `isAlone` means that no other process can use the data; all
 * folders that exist then belong to dead processes and are removed at once.
 */
export function openScratch(dataDir: string, isAlone: boolean): string {
  const all = join(dataDir, 'scratch');
  mkdirSync(all, { recursive: true });
  if (isAlone) for (const name of readdirSync(all)) rmSync(join(all, name), { recursive: true });
  const own = join(all, randomUUID());
  mkdirSync(own, { mode: 0o700 });
  setInterval(() => void touch(own), TOUCH_MS).unref();
  return own;
}

/**
 * Updates the folder's time, by which other processes see that this one lives. Makes the folder
 * again if it was removed, as it may be after a long sleep of the machine.
 */
export async function touch(own: string): Promise<void> {
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    await utimes(own, new Date(), new Date());
  } catch {
    // Ignored: the next touch tries again, and a step that needs the folder fails on its own.
  }
}
