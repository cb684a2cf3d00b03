// Shows what holds for a storage in a bucket alone.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { readConfig } from '../../src/base/config.ts';
import { randomToken } from '../../src/base/secrets.ts';
import { createStorage } from '../../src/storage/create-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type Env, TEST_SECRET } from '../support/appliance.ts';
import { aBucket, type TestBucket } from '../support/bucket.ts';

const large = randomBytes(12_000_001);

describe('the storage in a bucket', () => {
  let bucket: TestBucket;
  let storage: Storage;
  before(async () => {
    bucket = await aBucket();
    storage = opened();
  });
  after(() => bucket?.[Symbol.asyncDispose]());
  beforeEach(() => {
    bucket.faults.length = 0;
    bucket.requests.length = 0;
    bucket.uploads.clear();
  });

  function opened(env: Env = {}): Storage {
    const tiktok = { TIKTOK_CLIENT_KEY: 'k', TIKTOK_CLIENT_SECRET: 's' };
    return createStorage(readConfig({ APP_SECRET: TEST_SECRET, ...tiktok, ...bucket.env, ...env }));
  }
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      ({ code }) => code as string,
    );
  const fault = (method: string, match: RegExp, status: number | null, count = 1) =>
    bucket.faults.push({ method, match, status, count });
  const stream = () => Readable.from([0, 1, 2].map((n) => large.subarray(n * 5e6, (n + 1) * 5e6)));
  const whole = async (key: string) => (await buffer(await storage.read(key))).equals(large);

  it('goes on when the server is slow, fails once, or says yes and means no', async () => {
    const key = randomToken(190);
    fault('PUT', /partNumber=2/, 503, 2);
    fault('POST', /uploadId/, 500);
    fault('POST', /uploads/, 429);
    await storage.write(key, stream());
    expect(await whole(key)).to.equal(true);
    fault('GET', new RegExp(key), 500);
    fault('HEAD', new RegExp(key), 503);
    expect(await storage.size(key)).to.equal(large.length);
    expect(await whole(key)).to.equal(true);
    const other = randomToken(190);
    fault('POST', /uploadId/, null);
    expect(await codeOf(storage.write(other, stream()))).to.equal('unavailable');
    expect([await storage.has(other), bucket.uploads.size]).to.deep.equal([false, 0]);
  });

  it('takes back the parts of what did not come to its end', async () => {
    const key = randomToken(190);
    fault('PUT', /partNumber=2/, 403);
    expect(await codeOf(storage.write(key, stream()))).to.equal('unavailable');
    fault('PUT', /partNumber=3/, 507);
    expect(await codeOf(storage.write(key, stream()))).to.equal('storage_full');
    expect(await codeOf(storage.write(key, stream(), { limit: 11_000_000 }))).to.equal('too_large');
    await storage.write(key, stream(), { onlyIf: () => false });
    expect(bucket.requests.filter((each) => /^DELETE .*uploadId/.test(each))).to.have.length(4);
    expect([await storage.has(key), bucket.uploads.size]).to.deep.equal([false, 0]);
  });

  it('removes what a killed process left, an hour later, and nothing of anybody else', async () => {
    const left = { begun_at: new Date(Date.now() - 61 * 60_000), parts: new Map() };
    const key = randomToken(190);
    bucket.uploads.set('old', { ...left, place: `${key.slice(0, 2)}/${key}` });
    bucket.uploads.set('young', {
      ...left,
      place: `${key.slice(0, 2)}/${key}`,
      begun_at: new Date(),
    });
    bucket.uploads.set('foreign', { ...left, place: 'backups/of/somebody.tar' });
    expect(await storage.removeAbandoned()).to.deep.equal({ removed: 1, bytes: 0 });
    expect([...bucket.uploads.keys()]).to.deep.equal(['young', 'foreign']);
  });

  it('never calls absent what it could not look at', async () => {
    const away = opened({ S3_ENDPOINT: 'http://127.0.0.1:9' });
    const strange = opened({ S3_SECRET_ACCESS_KEY: 'wrong' });
    const missing = opened({ S3_BUCKET: 'no-such-bucket' });
    for (const broken of [away, strange, missing]) {
      const key = randomToken(190);
      expect(await codeOf(broken.isEmpty())).to.equal('unavailable');
      expect(await codeOf(broken.list()[Symbol.asyncIterator]().next())).to.equal('unavailable');
      expect(await codeOf(broken.markers('deletions')[Symbol.asyncIterator]().next())).to.equal(
        'unavailable',
      );
      expect(await codeOf(broken.check())).to.equal('unavailable');
      expect(await codeOf(broken.open())).to.equal('unavailable');
      expect(await codeOf(broken.write(key, Readable.from(['x'])))).to.equal('unavailable');
      if (broken !== missing) expect(await codeOf(broken.has(key))).to.equal('unavailable');
    }
  });

  it('asks the server once a minute whether it can write, however often it is asked', async () => {
    const fresh = opened();
    for (let n = 0; n < 5; n += 1) await fresh.check();
    expect(bucket.requests).to.have.length(1);
  });

  it('lists more than a page, and passes over what others keep in the bucket', async () => {
    const others = new Set<string>();
    for await (const { key } of storage.list()) others.add(key);
    bucket.page = 4;
    const keys = Array.from({ length: 30 }, () => randomToken(190)).sort();
    for (const key of keys) await storage.write(key, Readable.from(['x']));
    for (const place of ['a.txt', 'deletions/x/y.json', `${keys[3]}`, `zz/${keys[3]}`, 'zzz'])
      await bucket.putForeign(place);
    const found: string[] = [];
    for await (const { key } of storage.list(keys[2])) if (!others.has(key)) found.push(key);
    expect(found).to.deep.equal(keys.slice(3));
    bucket.page = 1_000;
  });
});
