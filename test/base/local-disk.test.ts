import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { assertLocalDisk, findNetworkFileSystem } from '../../src/base/local-disk.ts';

describe('a disk for the embedded PostgreSQL', () => {
  it('is not one that other machines have, too', () => {
    expect(findNetworkFileSystem(0x6969)).to.equal('NFS');
    // The same number, with and without a sign.
    expect(findNetworkFileSystem(0xff534d42)).to.equal('SMB');
    expect(findNetworkFileSystem(0xff534d42 | 0)).to.equal('SMB');
  });

  it('is any other, also for a folder that is not made yet', () => {
    assertLocalDisk(join(tmpdir(), 'not-made-yet'));
    // ext4
    expect(findNetworkFileSystem(0xef53)).to.equal(undefined);
  });
});
