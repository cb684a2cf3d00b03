// Implements the storage port on a local disk: each file is written aside, synced and renamed.
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../base/errors.ts';
import { hasDiskSpace } from './disk-space.ts';
import { fullDisk, makeDurable, removeAbandonedParts, unlessAbsent } from './fs.ts';
import { createMeter } from './meter.ts';
import { isKey, markerPlace, toPlace } from './names.ts';
import type { Storage } from './storage.ts';

/**
 * How much is buffered for one write. Fewer, larger writes make up for the time that hashing takes.
 */
const WRITE_BYTES = 1_048_576;

/** Returns the storage in the folder `root`, which is made at the first write. */
export function createDiskStorage(root: string): Storage {
  const findPath = (key: string) => join(root, toPlace(key));
  const markerPath = (folder: string, name: string) => join(root, markerPlace(folder, name));

  return {
    open: async () => `the disk at ${root}`,
    async write(key, body, { limit = Number.POSITIVE_INFINITY, signal, onlyIf = () => true } = {}) {
      const path = findPath(key);
      const parts = join(root, 'incoming');
      await mkdir(parts, { recursive: true });
      await mkdir(dirname(path), { recursive: true });
      const part = join(parts, `${key}.${randomUUID()}.part`);
      try {
        const meter = createMeter(limit);
        const file = createWriteStream(part, { mode: 0o600, highWaterMark: WRITE_BYTES });
        await pipeline(body, meter.stream, file, { signal });
        const stored = { bytes: meter.bytes(), sha256: meter.sha256() };
        if (onlyIf(stored.sha256)) {
          await makeDurable(part);
          await rename(part, path);
          await makeDurable(dirname(path));
        } else await rm(part, { force: true });
        return stored;
      } catch (error) {
        await rm(part, { force: true });
        throw fullDisk(error);
      }
    },
    async read(key, range) {
      const path = findPath(key);
      await statExisting(path);
      return createReadStream(path, range);
    },
    async size(key) {
      return (await statExisting(findPath(key))).size;
    },
    async has(key) {
      return (await unlessAbsent(stat(findPath(key)))) !== null;
    },
    async checkout(key, folder) {
      const path = findPath(key);
      await statExisting(path);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const target = join(folder, key);
      await rm(target, { force: true });
      // A hard link takes no space and survives the deletion of the original. Across disks only a
      // copy is possible.
      await link(path, target).catch(() =>
        copyFile(path, target).catch((error) => {
          throw fullDisk(error);
        }),
      );
      return target;
    },
    async remove(key) {
      await rm(findPath(key), { force: true });
    },
    async removeUnfinished(key) {
      for (const name of (await unlessAbsent(readdir(join(root, 'incoming')))) ?? []) {
        if (name.startsWith(`${key}.`)) await rm(join(root, 'incoming', name), { force: true });
      }
    },
    async *list(after = '') {
      for (const folder of await objectFolders(root)) {
        if (folder < after.slice(0, 2)) continue;
        for (const key of (await readdir(join(root, folder))).sort()) {
          if (key <= after || !isKey(key)) continue;
          const found = await unlessAbsent(stat(join(root, folder, key)));
          if (found) yield { key, bytes: found.size, modifiedAt: found.mtime };
        }
      }
    },
    isEmpty: async () => (await objectFolders(root)).length === 0,
    async removeAbandoned() {
      const objects = new Set(await objectFolders(root));
      const others = ((await unlessAbsent(readdir(root))) ?? []).filter(
        (name) => !objects.has(name),
      );
      return removeAbandonedParts(others.map((name) => join(root, name)));
    },
    async check(bytes = 0) {
      await mkdir(join(root, 'incoming'), { recursive: true });
      if (!(await hasDiskSpace(root, bytes))) {
        throw new Problem(
          'storage_full',
          'The disk that holds the media has, or would have, less than 200 MB of free space.',
        );
      }
    },
    async putMarker(folder, name, text) {
      const path = markerPath(folder, name);
      await mkdir(dirname(path), { recursive: true });
      const draft = `${path}.${randomUUID()}.part`;
      await writeFile(draft, text, { mode: 0o600, flush: true });
      await rename(draft, path);
      await makeDurable(dirname(path));
    },
    async *markers(folder) {
      for (const file of (await unlessAbsent(readdir(join(root, folder)))) ?? []) {
        if (!file.endsWith('.json')) continue;
        const text = await unlessAbsent(readFile(join(root, folder, file), 'utf8'));
        if (text !== null) yield { name: file.slice(0, -5), text };
      }
    },
    async removeMarker(folder, name) {
      await rm(markerPath(folder, name), { force: true });
    },
  };
}

/** @throws Problem `not_found` */
async function statExisting(path: string) {
  const found = await unlessAbsent(stat(path));
  if (!found?.isFile()) throw new Problem('not_found', 'There is no such file.');
  return found;
}

/** Returns the folders that hold objects, in order; their names have two letters. */
async function objectFolders(root: string): Promise<string[]> {
  const folders = (await unlessAbsent(readdir(root))) ?? [];
  return folders.filter((name) => name.length === 2).sort();
}
