// Locks a file by flock(2): the lock ends with the last process that has inherited it.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { EmbeddedPostgresFault } from './postgres-programs.ts';

export interface FileLock {
  /** Whoever inherits this descriptor holds the lock, too. Our other children do not. */
  fd: number;
  /** Closes our descriptor. The lock stays with those who inherited it. */
  release(): void;
}

/**
 * Locks the file, which is made if it is missing. Returns null if another process holds the lock,
 * in whatever container: the kernel keeps it with the file. Node has no flock, so the program of
 * that name locks our descriptor and ends, and the lock stays with the descriptor.
 *
 * @throws EmbeddedPostgresFault if the file cannot be opened, or nothing here can lock it.
 */
export function tryLock(path: string): FileLock | null {
  const fd = open(path);
  // It ends with 1 and without a word if somebody has the lock; a fault has other numbers, or words.
  const { status, stderr, error } = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
    cwd: '/',
  });
  if (status === 0) return { fd, release: () => closeSync(fd) };
  closeSync(fd);
  if (status === 1 && stderr === '') return null;
  throw new EmbeddedPostgresFault(explain(path, error ?? new Error(stderr)));
}

function open(path: string): number {
  try {
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new EmbeddedPostgresFault(
      `${path} cannot be opened (${(error as NodeJS.ErrnoException).code}). Start PM3K as the user that made the database, or set DATABASE_URL.`,
    );
  }
}

function explain(path: string, error: NodeJS.ErrnoException): string {
  return error.code === 'ENOENT'
    ? 'The program flock is missing, which keeps two PM3K from using one embedded database. Install the package util-linux, or set DATABASE_URL.'
    : `${path} cannot be locked (${error.message.trim()}), so nothing would keep two PM3K from using one embedded database. Put DATA_DIR on a disk of this machine, or set DATABASE_URL.`;
}
