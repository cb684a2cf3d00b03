// Shows that `npm run dev` starts sandbox and appliance, and that one signal ends both.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort, ROOT } from '../support/appliance.ts';

describe('npm run dev', () => {
  it('starts both, and ends both at a signal', async () => {
    const [appPort, sandboxPort] = [await freePort(), await freePort()];
    const dataDir = mkdtempSync(join(tmpdir(), 'pm3k-dev-'));
    const child = spawn(process.execPath, [join(ROOT, 'scripts/dev.ts')], {
      env: {
        PATH: process.env['PATH'] ?? '',
        PORT: String(appPort),
        SANDBOX_PORT: String(sandboxPort),
        DATA_DIR: dataDir,
      },
    });
    const closed = new Promise((done) => child.once('close', done));
    await new Promise<void>((done, fail) => {
      let printed = '';
      child.once('exit', () => fail(new Error(`Expected it to go on, it said ${printed}`)));
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (part) => {
          printed += part;
          if (printed.includes('Open http://localhost:')) done();
        });
    });
    const home = await fetch(`http://localhost:${appPort}/auth/tiktok`, { redirect: 'manual' });
    expect(home.headers.get('location')).to.contain(`127.0.0.1:${sandboxPort}`);
    child.kill('SIGINT');
    // Its output closes when the last process that writes there is gone.
    expect(await closed).to.equal(0);
    for (const port of [appPort, sandboxPort])
      expect(await fetch(`http://localhost:${port}`).catch(() => null)).to.equal(null);
    expect(existsSync(join(dataDir, 'postgres/postmaster.pid'))).to.equal(false);
  });
});
