import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openScratch, touch } from '../../src/base/scratch.ts';

describe('the folder for working files', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'pm3k-scratch-'));
    mkdirSync(join(dataDir, 'scratch/of-a-killed-process/run'), { recursive: true });
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));
  const folders = () => readdirSync(join(dataDir, 'scratch'));

  it('is never another’s, not even of a container with the same name and process id', () => {
    const [one, two] = [openScratch(dataDir, false), openScratch(dataDir, false)];
    expect(one).not.to.equal(two);
    expect(folders()).to.have.length(3);
    expect(statSync(one).mode & 0o777).to.equal(0o700);
  });

  it('is alone at once where no other process can be', () => {
    const own = openScratch(dataDir, true);
    expect(folders().map((name) => join(dataDir, 'scratch', name))).to.deep.equal([own]);
  });

  it('is touched for as long as the process lives, and made again when it was taken for dead', async () => {
    const own = openScratch(dataDir, false);
    utimesSync(own, 0, 0);
    await touch(own);
    expect(statSync(own).mtimeMs).to.be.greaterThan(Date.now() - 60_000);
    rmSync(own, { recursive: true });
    await touch(own);
    expect(existsSync(own)).to.equal(true);
  });
});
