// Shows what holds for a storage on a disk alone.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { createDiskStorage } from '../../src/storage/disk.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { waitUntil } from '../support/wait-until.ts';

const KEY = 'ab0123456789012345678901234567890123456789';

describe('the storage on a disk', () => {
  let root: string;
  let storage: Storage;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pm3k-disk-'));
    storage = createDiskStorage(root);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const faultOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      ({ code }) => code as string,
    );
  async function all<T>(of: AsyncIterable<T>): Promise<T[]> {
    const found: T[] = [];
    for await (const each of of) found.push(each);
    return found;
  }

  it('calls absent what is not there, and nothing else that it cannot see', async () => {
    expect(await storage.has(KEY)).to.equal(false);
    expect(await faultOf(storage.size(KEY))).to.equal('not_found');
    symlinkSync('ab', join(root, 'ab'));
    expect(await faultOf(storage.has(KEY))).to.equal('ELOOP');
    expect(await faultOf(storage.size(KEY))).to.equal('ELOOP');
    expect(await faultOf(storage.read(KEY))).to.equal('ELOOP');
    expect(await faultOf(all(storage.list()))).to.equal('ELOOP');
  });

  it('removes what a write of this key has left so far, and of no other', async () => {
    const Other = `cd${KEY.slice(2)}`;
    const bodies = [new PassThrough(), new PassThrough()];
    const [one, other] = [KEY, Other].map((key, index) =>
      faultOf(storage.write(key, bodies[index] as PassThrough)),
    );
    const parts = () =>
      existsSync(join(root, 'incoming')) ? readdirSync(join(root, 'incoming')) : [];
    for (const body of bodies) body.write('begun');
    await waitUntil(() => parts().length === 2);
    await storage.removeUnfinished(KEY);
    expect(parts().map((name) => name.slice(0, KEY.length))).to.deep.equal([Other]);
    for (const body of bodies) body.end();
    expect(await Promise.all([one, other])).to.deep.equal(['ENOENT', 'none']);
    expect([await storage.has(KEY), await storage.has(Other)]).to.deep.equal([false, true]);
  });

  it('is full for what would leave nothing to others on the same disk', async () => {
    await storage.check(1);
    expect(await faultOf(storage.check(1e15))).to.equal('storage_full');
  });

  it('is empty when it was never written to, and not when it cannot be read', async () => {
    const absent = createDiskStorage(join(root, 'none'));
    expect(await absent.isEmpty()).to.equal(true);
    expect(await all(absent.list())).to.deep.equal([]);
    expect(await all(absent.markers('deletions'))).to.deep.equal([]);
    writeFileSync(join(root, 'file'), 'x');
    const broken = createDiskStorage(join(root, 'file'));
    expect(await faultOf(broken.isEmpty())).to.equal('ENOTDIR');
    expect(await faultOf(all(broken.list()))).to.equal('ENOTDIR');
  });

  it('reads all notes of a folder, or says that it cannot', async () => {
    await storage.putMarker('deletions', 'one', 'text');
    expect(await all(storage.markers('deletions'))).to.deep.equal([{ name: 'one', text: 'text' }]);
    mkdirSync(join(root, 'deletions/two.json'));
    expect(await faultOf(all(storage.markers('deletions')))).to.equal('EISDIR');
    writeFileSync(join(root, 'others'), 'no folder');
    expect(await faultOf(all(storage.markers('others')))).to.equal('ENOTDIR');
  });
});
