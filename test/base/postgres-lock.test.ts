import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type FileLock, tryLock } from '../../src/base/postgres-lock.ts';
import { EmbeddedPostgresFault } from '../../src/base/postgres-programs.ts';

describe('the lock of a file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pm3k-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is held by one, until it is released', () => {
    const lock = tryLock(path) as FileLock;
    expect(tryLock(path)).to.equal(null);
    lock.release();
    tryLock(path)?.release();
    expect(lock).not.to.equal(null);
  });

  it('stays with a process that has inherited it, and with no other child', async () => {
    const lock = tryLock(path) as FileLock;
    const heir = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', lock.fd] });
    const other = spawn('sleep', ['60'], { stdio: 'ignore' });
    await Promise.all([once(heir, 'spawn'), once(other, 'spawn')]);
    lock.release();
    expect(tryLock(path)).to.equal(null);
    heir.kill('SIGKILL');
    await once(heir, 'close');
    expect(tryLock(path)).not.to.equal(null);
    other.kill('SIGKILL');
  });

  it('says what is missing, and where it cannot be made', () => {
    const known = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      expect(() => tryLock(path)).to.throw(EmbeddedPostgresFault, 'The program flock is missing');
    } finally {
      process.env['PATH'] = known;
    }
    expect(() => tryLock(join(folder, 'nowhere/lock'))).to.throw(EmbeddedPostgresFault, 'ENOENT');
  });
});
