// Implements the storage port on an S3-compatible bucket: an object appears whole or not at all.
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { S3ClientOptions } from '@bradenmacdonald/s3-lite-client';
import { measureSince } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { HOUR_MS } from '../base/time.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { isAbsent } from './bucket-faults.ts';
import { fullDisk } from './fs.ts';
import { createMeter } from './meter.ts';
import { keyAt, markerPlace, toPlace } from './names.ts';
import { createPartWriter } from './part-writer.ts';
import type { Storage } from './storage.ts';

// An upload may idle for two minutes, so nobody will finish one that was begun an hour ago.
const ABANDONED_MS = HOUR_MS;
// Health checks come every few seconds; the bucket is written to once a minute.
const CHECKED_MS = 60_000;
const CHECK_PLACE = 'check/writable.txt';

/** Returns the storage in a bucket. Objects are written in parts of 5 MB. */
export function createS3Storage(options: S3ClientOptions): Storage {
  const bucket = openBucket(options);
  let checkedAt = Number.NEGATIVE_INFINITY;

  async function get(place: string, range?: { start: number; end: number }): Promise<Readable> {
    const { body } = await bucket.get(place, range);
    return body ? Readable.fromWeb(body as ReadableStream) : Readable.from([]);
  }

  async function check(): Promise<void> {
    if (performance.now() - checkedAt < CHECKED_MS) return;
    await bucket.put(CHECK_PLACE, new Uint8Array());
    checkedAt = performance.now();
  }

  return {
    async open() {
      await check();
      if (await bucket.keepsVersions()) {
        throw new Problem(
          'unavailable',
          `The bucket ${options.bucket} keeps old versions of its objects, so that nothing in it can be deleted. Switch versioning off, and remove the old versions`,
        );
      }
      return `the bucket ${options.bucket} at ${options.endPoint}`;
    },
    async write(key, body, { limit = Number.POSITIVE_INFINITY, signal, onlyIf = () => true } = {}) {
      const parts = createPartWriter(bucket, toPlace(key));
      try {
        const meter = createMeter(limit);
        await pipeline(body, meter.stream, (source) => parts.addAll(source), { signal });
        const stored = { bytes: meter.bytes(), sha256: meter.sha256() };
        await (onlyIf(stored.sha256) ? parts.finish() : parts.abort());
        return stored;
      } catch (error) {
        // If this fails as well, `removeAbandoned` discards the upload an hour later.
        await parts.abort().catch(() => {});
        throw error;
      }
    },
    read: async (key, range) => get(toPlace(key), range),
    async size(key) {
      const bytes = await bucket.head(toPlace(key));
      if (bytes === null) throw new Problem('not_found', 'There is no such file.');
      return bytes;
    },
    has: async (key) => (await bucket.head(toPlace(key))) !== null,
    async checkout(key, folder) {
      const body = await get(toPlace(key));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const target = join(folder, key);
      try {
        await pipeline(body, createWriteStream(target, { mode: 0o600 }));
      } catch (error) {
        await rm(target, { force: true });
        throw fullDisk(error);
      }
      return target;
    },
    remove: async (key) => bucket.remove(toPlace(key)),
    async removeUnfinished(key) {
      for await (const { place, uploadId } of bucket.unfinished()) {
        if (place === toPlace(key)) await bucket.abort(place, uploadId);
      }
    },
    async *list(after = '') {
      for await (const { place, ...rest } of bucket.list('', after ? toPlace(after) : '')) {
        const key = keyAt(place);
        if (key) yield { key, ...rest };
      }
    },
    async isEmpty() {
      for await (const { place } of bucket.list('', '')) if (keyAt(place)) return false;
      return true;
    },
    removeAbandoned: () => removeAbandoned(bucket),
    check: () => check(),
    async putMarker(folder, name, text) {
      await bucket.put(markerPlace(folder, name), Buffer.from(text));
    },
    async *markers(folder) {
      for await (const { place } of bucket.list(`${folder}/`, '')) {
        const name = /^[^/]+\/([^/]+)\.json$/.exec(place)?.[1];
        const found = name ? await readText(bucket, place) : null;
        if (name && found !== null) yield { name, text: found };
      }
    },
    removeMarker: async (folder, name) => bucket.remove(markerPlace(folder, name)),
  };
}

/** Returns the object's text; null if it was removed since it was listed. */
async function readText(bucket: Bucket, place: string): Promise<string | null> {
  try {
    return await (await bucket.get(place)).text();
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Discards unfinished uploads of ours that were begun over an hour ago. */
async function removeAbandoned(bucket: Bucket): Promise<{ removed: number; bytes: number }> {
  const sum = { removed: 0, bytes: 0 };
  for await (const { place, uploadId, begunAt } of bucket.unfinished()) {
    if (!keyAt(place) || measureSince(begunAt) <= ABANDONED_MS) continue;
    await bucket.abort(place, uploadId);
    sum.removed += 1;
  }
  return sum;
}
