// Makes a small file that all processes of a data folder share: the first one decides what is in it.
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Returns the file's text, and makes it at the first call, with mode 0600. It is written under
 * another name and then linked, so that it is either whole or absent, and the first of several stays.
 */
export function makeOnce(path: string, makeText: () => string): string {
  if (!existsSync(path)) {
    // A random name: containers that share the data may have the same process ids.
    const draft = `${path}.${randomUUID()}`;
    writeFileSync(draft, makeText(), { mode: 0o600, flush: true });
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft);
    }
  }
  return readFileSync(path, 'utf8').trim();
}
