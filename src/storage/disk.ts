// The storage port on a local disk: write beside, fsync, rename.
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

/** What is gathered while the disk writes, and then written at once: the hash is paid for by fewer writes. */
const WRITE_BYTES = 1_048_576;

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
      const part = join(parts, `${randomUUID()}.part`);
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
      await existing(path);
      return createReadStream(path, range);
    },
    async size(key) {
      return (await existing(findPath(key))).size;
    },
    async has(key) {
      return (await unlessAbsent(stat(findPath(key)))) !== null;
    },
    async checkout(key, folder) {
      const path = findPath(key);
      await existing(path);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const target = join(folder, key);
      await rm(target, { force: true });
      // A link costs nothing and outlives a deletion of the original; across disks it takes a copy.
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
          'Less than 200 MB are free on the disk that holds the media, or would be.',
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

async function existing(path: string) {
  const found = await unlessAbsent(stat(path));
  if (!found?.isFile()) throw new Problem('not_found', 'There is no such file.');
  return found;
}

async function objectFolders(root: string): Promise<string[]> {
  const folders = (await unlessAbsent(readdir(root))) ?? [];
  return folders.filter((name) => name.length === 2).sort();
}
