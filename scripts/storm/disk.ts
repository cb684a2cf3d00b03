// A small disk of the storm's own for DATA_DIR, which it fills up and empties again.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface StormDisk extends Disposable {
  /** Leaves not one byte. */
  fill(): void;
  empty(): void;
}

const BLOCK = Buffer.alloc(4_000_000);

/** Mounts a tmpfs at `folder`. Returns null where this user may not mount one. */
export function mountDisk(folder: string, megabytes: number): StormDisk | null {
  mkdirSync(folder, { recursive: true });
  try {
    const options = ['-o', `size=${megabytes}m,mode=0755`];
    execFileSync('mount', ['-t', 'tmpfs', ...options, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  const ballast = join(folder, 'ballast');
  const empty = () => rmSync(ballast, { force: true });
  // Lazily, since a process that was just ended may still hold a file.
  const unmount = () => spawnSync('umount', ['-l', folder]);
  process.once('exit', unmount);
  return {
    fill: () => writeUntilFull(ballast),
    empty,
    [Symbol.dispose]() {
      process.off('exit', unmount);
      unmount();
    },
  };
}

function writeUntilFull(path: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (;;) writeSync(file, BLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
