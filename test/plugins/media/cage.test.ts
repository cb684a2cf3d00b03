// Shows that ffmpeg and ffprobe run with limits and without our environment.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { videoFile } from '../../support/videos.ts';
import { prepare } from './step-context.ts';

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

  it('is around every program that looks at a file, the library’s own ones too', async () => {
    const log = join(folder, 'started-outside');
    const kept = { ...process.env };
    for (const name of ['ffmpeg', 'ffprobe'] as const) {
      const path = join(folder, `recording-${name}`);
      // In the cage nothing of our environment is there to be read.
      const script = `[ -z "$PM3K_CANARY" ] || echo ${name} >> ${log}\nexec ${name} "$@"`;
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      process.env[name === 'ffmpeg' ? 'FFMPEG_PATH' : 'FFPROBE_PATH'] = path;
    }
    process.env['PM3K_CANARY'] = 'free';
    try {
      await prepare(await videoFile({ extension: 'avi', options: ['-c:v', 'mpeg4'] }));
    } finally {
      process.env = kept;
    }
    expect(existsSync(log) ? readFileSync(log, 'utf8') : '').to.equal('');
  });
});
