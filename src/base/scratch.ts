// The folder of a process for its working files: made at its start, and touched for as long as it lives.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';

const TOUCH_MS = 60_000;

/**
 * Named by nothing but chance: containers that share the data may have the same host name and process
 * ids. Retention removes those that nobody touches. `is_alone`: no other process can be using the
 * data, so all that are there are a dead one's.
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

/** Others see by it that the process lives. After a long sleep of the machine it may be gone. */
export async function touch(own: string): Promise<void> {
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    await utimes(own, new Date(), new Date());
  } catch {
    // Whoever works there finds out; here there is nobody to tell, and the next minute tries again.
  }
}
