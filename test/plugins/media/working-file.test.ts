// Shows that a file is not blamed for the loss of our working copy of it.
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { inspect } from '../../../plugins/media/inspect.ts';
import { rejected } from '../../../plugins/media/plan.ts';
import { judgeWorkingFile } from '../../../plugins/media/working-file.ts';
import type { Problem } from '../../../src/plugin.ts';
import { videoFile } from '../../support/videos.ts';
import { prepare } from './step-context.ts';

describe('a working file that is gone', () => {
  let folder: string;
  let path: string;
  const kept = process.env['FFPROBE_PATH'];
  /** An ffprobe that cannot read its file, and that may lose it before. */
  const useProbe = (before: string) => {
    const program = join(folder, 'ffprobe');
    writeFileSync(program, `#!/bin/sh\nfor last; do :; done\n${before}\nexit 1\n`);
    chmodSync(program, 0o755);
    process.env['FFPROBE_PATH'] = program;
  };
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'nothing',
      (error: Problem) => error.code,
    );
  const look = () => codeOf(inspect(path, { signal: new AbortController().signal }));
  // Its last argument is `file:` and the path.
  const lose = 'rm -f "$(echo "$last" | cut -c6-)"';
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pm3k-lost-'));
    path = join(folder, 'upload.mp4');
    copyFileSync(await videoFile(), path);
  });
  afterEach(() => {
    if (kept === undefined) delete process.env['FFPROBE_PATH'];
    else process.env['FFPROBE_PATH'] = kept;
    rmSync(folder, { recursive: true, force: true });
  });

  it('is said to be our trouble while an upload is inspected', async () => {
    useProbe(lose);
    expect(await look()).to.equal('unavailable');
    expect(existsSync(path)).to.equal(false);
  });

  it('is said to be our trouble while a post is prepared', async () => {
    useProbe(lose);
    expect(await codeOf(prepare(path))).to.equal('unavailable');
  });

  it('is no excuse for a file that is there', async () => {
    useProbe(':');
    expect(await look()).to.equal('media_rejected');
    const work = Promise.reject(rejected('It is damaged.', 'decodable'));
    expect(await codeOf(judgeWorkingFile(path, work))).to.equal('media_rejected');
  });
});
