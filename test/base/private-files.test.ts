// Shows that DATA_DIR is closed to other users, also where an older version left it open.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { closeDataDir } from '../../src/base/private-files.ts';

describe('the folder of all data', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'pm3k-modes-'));
    chmodSync(dataDir, 0o755);
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  const modeOf = (name: string) => (statSync(join(dataDir, name)).mode & 0o777).toString(8);
  function leave(name: string, mode: number): void {
    const path = join(dataDir, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, 'x', { mode });
  }

  it('is closed with all that an older version left open in it', () => {
    for (const name of ['media/V1/V1Stored', 'media/deletions/one.json', 'scratch/a/b/c']) {
      leave(name, 0o644);
    }
    leave('app-secret', 0o644);
    leave('postgres.log', 0o644);
    expect(closeDataDir(dataDir, false)).to.equal(0);
    for (const folder of ['.', 'media', 'media/V1', 'media/deletions', 'scratch/a/b']) {
      expect(modeOf(folder), folder).to.equal('700');
    }
    for (const file of ['media/V1/V1Stored', 'media/deletions/one.json', 'scratch/a/b/c']) {
      expect(modeOf(file), file).to.equal('600');
    }
    expect([modeOf('app-secret'), modeOf('postgres.log')]).to.deep.equal(['600', '600']);
  });

  it('lets another user through to PostgreSQL’s folder, which guards itself', () => {
    leave('postgres/PG_VERSION', 0o640);
    closeDataDir(dataDir, true);
    expect([modeOf('.'), modeOf('postgres/PG_VERSION')]).to.deep.equal(['711', '640']);
  });

  it('touches neither what is not ours nor what a link leads to', () => {
    leave('elsewhere/theirs', 0o644);
    mkdirSync(join(dataDir, 'media'), { mode: 0o755 });
    symlinkSync(join(dataDir, 'elsewhere'), join(dataDir, 'media/linked'));
    closeDataDir(dataDir, false);
    expect([modeOf('elsewhere'), modeOf('elsewhere/theirs')]).to.deep.equal(['755', '644']);
  });

  it('is not walked again once it is closed', () => {
    leave('media/V1/V1Stored', 0o644);
    chmodSync(join(dataDir, 'media'), 0o700);
    closeDataDir(dataDir, false);
    expect(modeOf('media/V1/V1Stored')).to.equal('644');
  });
});
