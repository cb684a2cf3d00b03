// A folder outside the project for what tests may keep from one run to the next; it can be removed at any time.
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';

const FOLDER = join(tmpdir(), `pm3k-test-cache-${userInfo().uid}`);

export function cachePath(kind: string, name: string): string {
  return join(FOLDER, kind, name);
}

/** A path beside `path`, for a file that is renamed to it when it is whole. */
export function partPath(path: string, extension = ''): string {
  mkdirSync(dirname(path), { recursive: true });
  return `${path}.${randomUUID()}${extension}`;
}

/** Whoever writes at the same time writes the same or something as good; the last one stays. */
export function writeCache(path: string, text: string): void {
  const part = partPath(path);
  writeFileSync(part, text);
  renameSync(part, path);
}

/** Where Node keeps compiled code, without which an appliance takes a second longer to load its own. */
export const COMPILED = cachePath('compiled', '');
