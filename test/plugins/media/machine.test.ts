// Shows what happens when the machine, not the file, is at fault.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { anAppliance, type Json } from '../../support/appliance.ts';
import { OWN_FFMPEG } from '../../support/ffmpeg.ts';
import { video } from '../../support/videos.ts';

const OLD = { extension: 'avi', options: ['-c:v', 'mpeg4', '-c:a', 'mp3'] };

describe('a conversion', () => {
  it('that finds the disk full waits, and does not blame the file', async () => {
    const program = join(mkdtempSync(join(tmpdir(), 'pm3k-full-')), 'ffmpeg');
    const words = 'av_interleaved_write_frame(): No space left on device';
    writeFileSync(program, `#!/bin/sh\necho "${words}" >&2\nexit 228\n`);
    chmodSync(program, 0o755);
    await using app = await anAppliance({ ...OWN_FFMPEG, LOG_LEVEL: 'warn', FFMPEG_PATH: program });
    const client = await app.creator();
    const { json: media } = await client.upload(await video({ ...OLD, seconds: 2 }));
    const job = client.job(media['storage_key']);
    const { json } = await client.api('POST', '/v1/jobs', job);
    let waiting: Json | undefined;
    while (!waiting) {
      const events = await client.api('GET', `/v1/jobs/${json['id']}/events`);
      expect(events.json['data'].map((event: Json) => event['name'])).not.to.include('failed');
      waiting = events.json['data'].find((event: Json) => event['name'] === 'waiting');
      await sleep(100);
    }
    expect(waiting['details']['code']).to.equal('storage_full');
    const now = await client.api('GET', `/v1/jobs/${json['id']}`);
    expect(now.json).to.include({ status: 'scheduled', error: null });
    expect(now.json['waiting']).to.include({ code: 'storage_full' });
  });

  it('ends with the process that began it, also when that is killed', async function () {
    await using app = await anAppliance({ ...OWN_FFMPEG, LOG_LEVEL: 'warn' });
    const client = await app.creator();
    const large = await video({ ...OLD, seconds: 60, size: '1080x1920' });
    const { json: media } = await client.upload(large);
    await client.api('POST', '/v1/jobs', client.job(media['storage_key']));
    while (programs(app.data_dir).length === 0) await sleep(50);
    if (!hasParentDeathSignal()) this.skip();
    await app.kill();
    for (let tries = 0; programs(app.data_dir).length > 0 && tries < 50; tries += 1)
      await sleep(100);
    expect(programs(app.data_dir)).to.deep.equal([]);
  });
});

/** Returns the command lines of running ffmpegs that name this folder. */
function programs(folder: string): string[] {
  const pids = execFileSync('ls', ['/proc'], { encoding: 'utf8' }).split('\n');
  return pids.flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return /^[^\0]*ffmpeg\0/.test(line) && line.includes(folder) ? [line] : [];
    } catch {
      return [];
    }
  });
}

function hasParentDeathSignal(): boolean {
  try {
    execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true']);
    return true;
  } catch {
    return false;
  }
}
