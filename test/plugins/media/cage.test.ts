// Shows that ffmpeg and ffprobe run with limits and without our environment.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const CAGE = join(import.meta.dirname, '../../../plugins/media/caged.sh');

describe('the cage of ffmpeg', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pm3k-cage-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Returns what a program that replaces ffmpeg or ffprobe prints. */
  async function inCage(name: 'ffmpeg' | 'ffprobe', script: string): Promise<string> {
    const program = join(folder, name);
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
    const key = name === 'ffmpeg' ? 'FFMPEG_PATH' : 'FFPROBE_PATH';
    const env = { PATH: process.env['PATH'], [key]: program, APP_SECRET: 'canary' };
    const { stdout } = await promisify(execFile)(CAGE, [name], { env, cwd: folder });
    return stdout;
  }

  it('bounds memory, processor time and what is written, and leaves no core', async () => {
    const nice = `${Math.min(19, getPriority() + 10)}`;
    const script = 'ulimit -d; ulimit -t; ulimit -f; ulimit -c; nice';
    expect((await inCage('ffmpeg', script)).split('\n').slice(0, 5)).to.deep.equal([
      '6291456',
      '7200',
      '16777216',
      '0',
      nice,
    ]);
    expect((await inCage('ffprobe', script)).split('\n').slice(0, 5)).to.deep.equal([
      '2097152',
      '60',
      '0',
      '0',
      nice,
    ]);
  });

  it('lets ffprobe write no file', async () => {
    const error = await inCage('ffprobe', 'echo x > written').catch((it) => it);
    expect(error).to.be.instanceOf(Error);
  });

  it('gives nothing of the environment, which holds secrets', async () => {
    expect(await inCage('ffmpeg', 'env')).not.to.contain('canary');
  });

  it('has no network where the system allows to take it away', async function () {
    await promisify(execFile)('unshare', ['--net', 'true']).catch(() => this.skip());
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
    const { port } = server.address() as AddressInfo;
    const connect = `require('net').connect(${port}, '127.0.0.1').on('connect', () => console.log('heard')).on('error', (e) => console.log(e.code))`;
    const told = await inCage('ffmpeg', `"${process.execPath}" -e "${connect}"`);
    server.close();
    expect(told.trim()).to.equal('ENETUNREACH');
  });
});
