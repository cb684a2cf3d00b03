// Runs the same tests against every implementation of the storage port.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { readConfig } from '../../src/base/config.ts';
import { randomToken } from '../../src/base/secrets.ts';
import { createStorage } from '../../src/storage/create-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type Env, TEST_SECRET } from '../support/appliance.ts';
import { aBucket } from '../support/bucket.ts';

interface Kind {
  storage: Storage;
  close(): Promise<void>;
}

const folder = () => mkdtempSync(join(tmpdir(), 'pm3k-storage-'));
function chosen(env: Env): Storage {
  const tiktok = { TIKTOK_CLIENT_KEY: 'k', TIKTOK_CLIENT_SECRET: 's' };
  return createStorage(readConfig({ APP_SECRET: TEST_SECRET, ...tiktok, ...env }));
}

/**
 * Every storage that there is. The S3 server is s3rver, behind a gate that checks signatures, which
 * s3rver does not. With S3_TEST_ENDPOINT and the other settings of an empty bucket, the same suite
 * runs against any server; it has passed against OpenStack Swift.
 */
const KINDS: Record<string, () => Promise<Kind>> = {
  async disk() {
    const dataDir = folder();
    const close = async () => rmSync(dataDir, { recursive: true, force: true });
    return { storage: chosen({ DATA_DIR: dataDir }), close };
  },
  async s3() {
    const { S3_TEST_ENDPOINT: endpoint, ...env } = process.env;
    if (endpoint) {
      const storage = chosen({ ...(env as Env), STORAGE: 's3', S3_ENDPOINT: endpoint });
      return { storage, close: () => empty(storage) };
    }
    const bucket = await aBucket();
    return { storage: chosen(bucket.env), close: async () => bucket[Symbol.asyncDispose]() };
  },
};

async function all<T>(of: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of of) found.push(each);
  return found;
}

async function empty(storage: Storage): Promise<void> {
  for (const { key } of await all(storage.list())) await storage.remove(key);
  for (const { name } of await all(storage.markers('deletions')))
    await storage.removeMarker('deletions', name);
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    ({ code, name }) => (code ?? name) as string,
  );

for (const [kind, open] of Object.entries(KINDS)) {
  describe(`a storage: ${kind}`, () => {
    let storage: Storage;
    let close: Kind['close'];
    beforeEach(async () => {
      ({ storage, close } = await open());
    });
    afterEach(() => close());

    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const put = (key: string, bytes: Buffer | string, options = {}) =>
      storage.write(key, Readable.from([Buffer.from(bytes)]), options);
    const get = async (key: string, range?: { start: number; end: number }) =>
      buffer(await storage.read(key, range));
    /** A stream of more than two S3 parts, and not of a whole number of them. */
    const large = randomBytes(12_000_001);
    const stream = () => Readable.from(chunksOf(large));
    function* chunksOf(bytes: Buffer) {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    }

    it('says what it is, and that it can be written to', async () => {
      expect(await storage.open()).to.match(kind === 'disk' ? /^the disk at \// : /^the bucket /);
      await storage.check();
    });

    it('keeps an object to the byte, and answers size and hash', async () => {
      const key = randomToken(190);
      expect(await storage.write(key, stream())).to.deep.equal({
        bytes: large.length,
        sha256: sha256(large),
      });
      expect(await storage.size(key)).to.equal(large.length);
      expect(await storage.has(key)).to.equal(true);
      expect((await get(key)).equals(large)).to.equal(true);
    });

    it('keeps an empty object, one of a byte, one of exactly a part, and a name with its kind', async () => {
      for (const size of [0, 1, 5 * 1024 * 1024, 10 * 1024 * 1024]) {
        const key = `${randomToken(190)}.mp4`;
        const bytes = randomBytes(size);
        expect(await put(key, bytes)).to.deep.equal({ bytes: size, sha256: sha256(bytes) });
        expect(await storage.size(key)).to.equal(size);
        expect((await get(key)).equals(bytes), `${size} bytes`).to.equal(true);
      }
    });

    it('reads a range, its end inclusive', async () => {
      const key = randomToken(190);
      await put(key, '0123456789');
      expect((await get(key, { start: 0, end: 1 })).toString()).to.equal('01');
      expect((await get(key, { start: 2, end: 4 })).toString()).to.equal('234');
      expect((await get(key, { start: 0, end: 9 })).toString()).to.equal('0123456789');
      expect((await get(key, { start: 9, end: 9 })).toString()).to.equal('9');
    });

    it('calls absent what is not there, and removes it without a fault', async () => {
      const key = randomToken(190);
      expect(await storage.has(key)).to.equal(false);
      expect(await codeOf(storage.size(key))).to.equal('not_found');
      expect(await codeOf(storage.read(key))).to.equal('not_found');
      expect(await codeOf(storage.checkout(key, folder()))).to.equal('not_found');
      await storage.remove(key);
      await put(key, 'x');
      await storage.remove(key);
      await storage.remove(key);
      expect(await storage.has(key)).to.equal(false);
    });

    it('takes no name that is a path', async () => {
      for (const key of ['../../etc/passwd', '', 'ab', `ab/${'x'.repeat(30)}`, '%2e%2e/x'])
        expect(await codeOf(storage.read(key)), key).to.equal('not_found');
      expect(await codeOf(storage.putMarker('..', 'x', 'y'))).to.equal('Error');
    });

    it('refuses what is over the limit, and nothing of it stays', async () => {
      for (const limit of [5, 11_000_000]) {
        const key = randomToken(190);
        expect(await codeOf(storage.write(key, stream(), { limit }))).to.equal('too_large');
        expect(await storage.has(key)).to.equal(false);
      }
      const key = randomToken(190);
      await put(key, '12345', { limit: 5 });
      expect(await storage.size(key)).to.equal(5);
    });

    it('keeps what was there when a write is cut off, whether by its source or by us', async () => {
      const key = randomToken(190);
      await put(key, 'the first');
      const broken = Readable.from(
        (function* () {
          yield* chunksOf(large.subarray(0, 11_000_000));
          throw new Error('cut off');
        })(),
      );
      expect(await codeOf(storage.write(key, broken))).to.equal('Error');
      const stopped = new AbortController();
      const slow = Readable.from(
        (async function* () {
          yield large.subarray(0, 6_000_000);
          stopped.abort();
          yield large.subarray(6_000_000);
        })(),
      );
      const fault = storage.write(key, slow, { signal: stopped.signal });
      expect(await codeOf(fault)).to.equal('ABORT_ERR');
      expect((await get(key)).toString()).to.equal('the first');
    });

    it('takes an object only if its hash is the expected one', async () => {
      const key = randomToken(190);
      await put(key, 'good');
      const { sha256: found } = await put(key, large, { onlyIf: () => false });
      expect(found).to.equal(sha256(large));
      await put(key, 'bad', { onlyIf: () => false });
      expect((await get(key)).toString()).to.equal('good');
      await put(key, large, { onlyIf: (hash: string) => hash === sha256(large) });
      expect((await get(key)).equals(large)).to.equal(true);
    });

    it('checks an object out into a folder, and leaves the object when that copy goes', async () => {
      const key = randomToken(190);
      await storage.write(key, stream());
      const target = join(folder(), 'made');
      const path = await storage.checkout(key, target);
      expect(path).to.equal(join(target, key));
      expect(readFileSync(path).equals(large)).to.equal(true);
      expect(await storage.checkout(key, target), 'once more').to.equal(path);
      rmSync(path);
      expect(await storage.has(key)).to.equal(true);
      const gone = randomToken(190);
      await codeOf(storage.checkout(gone, target));
      expect(existsSync(join(target, gone))).to.equal(false);
      expect(readdirSync(target)).to.deep.equal([]);
    });

    it('lists all objects in the order of their names, or those after one, and no note', async () => {
      expect(await storage.isEmpty()).to.equal(true);
      expect(await all(storage.list())).to.deep.equal([]);
      await storage.putMarker('deletions', 'a-note', 'text');
      expect(await storage.isEmpty(), 'a note is no object').to.equal(true);
      const keys = Array.from({ length: 30 }, () => randomToken(190));
      for (const key of keys) await put(key, 'four');
      const sorted = keys.sort();
      const listed = await all(storage.list());
      expect(listed.map(({ key }) => key)).to.deep.equal(sorted);
      expect(listed[0]).to.include({ bytes: 4 });
      expect(Math.abs((listed[0]?.modifiedAt.getTime() ?? 0) - Date.now())).to.be.below(60_000);
      const after = await all(storage.list(sorted[9]));
      expect(after.map(({ key }) => key)).to.deep.equal(sorted.slice(10));
      expect(await all(storage.list(sorted[29]))).to.deep.equal([]);
      expect(await storage.isEmpty()).to.equal(false);
    });

    it('keeps notes beside the objects, writes them again, and removes them', async () => {
      expect(await all(storage.markers('deletions'))).to.deep.equal([]);
      await storage.putMarker('deletions', 'one', 'first');
      await storage.putMarker('deletions', 'one', 'a “second”');
      await storage.putMarker('deletions', 'two', '{}');
      await storage.putMarker('others', 'three', 'x');
      const notes = await all(storage.markers('deletions'));
      expect(notes.sort((a, b) => (a.name < b.name ? -1 : 1))).to.deep.equal([
        { name: 'one', text: 'a “second”' },
        { name: 'two', text: '{}' },
      ]);
      for (const name of ['one', 'one', 'never']) await storage.removeMarker('deletions', name);
      expect(await all(storage.markers('deletions'))).to.have.length(1);
      await storage.removeMarker('others', 'three');
    });

    it('has nothing to remove of writes that came to their end', async () => {
      await storage.write(randomToken(190), stream());
      await codeOf(storage.write(randomToken(190), stream(), { limit: 11_000_000 }));
      expect(await storage.removeAbandoned()).to.deep.equal({ removed: 0, bytes: 0 });
    });
  });
}
