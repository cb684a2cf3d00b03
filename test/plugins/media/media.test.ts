import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { planFor } from '../../../plugins/media/plan.ts';
import media from '../../../plugins/media/plugin.ts';
import { type Probe, probe } from '../../../plugins/media/probe.ts';
import type { Hands, Job, Patch } from '../../../src/plugin.ts';
import { Problem } from '../../../src/plugin.ts';
import { type Trait, videoFile } from '../../support/videos.ts';

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

/** Runs media.prepare as the worker would, with plain hands. */
async function prepare(
  path: string,
  signal = new AbortController().signal,
): Promise<{ patch: Patch; output: string; scratch: string }> {
  const scratch = mkdtempSync(join(tmpdir(), 'pm3k-prepare-'));
  let output = path;
  const hands = {
    scratch,
    signal,
    settings: {},
    progress: () => {},
    log: { info() {} },
    storage: {
      checkout: async (_key: string, folder: string) => {
        const copy = join(folder, basename(path));
        copyFileSync(path, copy);
        return copy;
      },
    },
    keep: async (made: string) => {
      output = `${path}.made.mp4`;
      copyFileSync(made, output);
      return { storage_key: 'made', bytes: readFileSync(made).length, sha256: 'x' };
    },
  } as unknown as Hands;
  const job = { source_key: 'source', media: { sha256: 'known' } } as unknown as Job;
  const patch = (await media.steps.prepare.run(job, hands)) as Patch;
  return { patch, output, scratch };
}

const inspect = (path: string) => media.inspect(path, { signal: new AbortController().signal });

async function rejection(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).to.be.instanceOf(Problem);
  expect(error.code).to.equal('media_rejected');
  return error;
}

describe('media.prepare', () => {
  it('leaves a conforming video untouched', async () => {
    const { patch, scratch } = await prepare(await videoFile());
    expect(patch).to.include({ output_key: 'source' });
    expect(patch.media).to.include({ sha256: 'known', width: 360, height: 640, fps: 30 });
    expect(patch.media?.changes).to.deep.equal([]);
    expect(readdirSync(scratch)).to.have.length(1);
  });

  const converted: [string, Trait, RegExp, Partial<NonNullable<Probe['video']>>][] = [
    [
      'MPEG-4 part 2',
      { extension: 'avi', options: ['-c:v', 'mpeg4', '-c:a', 'mp3'] },
      /MPEG-4 part 2 to H\.264/,
      { codec: 'h264' },
    ],
    [
      '120 frames a second',
      { rate: '120', options: H264 },
      /at most 60 frames a second; yours has 120.*to 60/,
      { fps: 60 },
    ],
    [
      '15 frames a second',
      { rate: '15', options: H264 },
      /at least 23 frames a second; yours has 15.*to 30/,
      { fps: 30 },
    ],
    [
      '200 pixels',
      { size: '200x200', options: H264 },
      /at least 360 pixels.*200×200.*360×360/,
      { width: 360, height: 360 },
    ],
    [
      'odd sides',
      { size: '401x701', options: ['-c:v', 'libx264', '-pix_fmt', 'yuv444p'] },
      /H\.264/,
      { pix_fmt: 'yuv420p' },
    ],
    [
      '10 bits',
      { options: ['-c:v', 'libx264', '-pix_fmt', 'yuv420p10le'] },
      /more than 8 bits/,
      { pix_fmt: 'yuv420p' },
    ],
    [
      'VP9',
      {
        extension: 'webm',
        options: [
          '-c:v',
          'libvpx-vp9',
          '-deadline',
          'realtime',
          '-cpu-used',
          '8',
          '-c:a',
          'libopus',
        ],
      },
      /VP9 to H\.264/,
      { codec: 'h264' },
    ],
    [
      'long pixels',
      { options: [...H264, '-vf', 'setsar=2/1'] },
      /not square/,
      { has_square_pixels: true, width: 720 },
    ],
  ];
  for (const [name, trait, change, expected] of converted) {
    it(`converts ${name}, and says why`, async () => {
      const { patch, output } = await prepare(await videoFile(trait));
      expect(patch.output_key).to.equal('made');
      expect(patch.media?.changes.join(' ')).to.match(change);
      const made = await probe(output, new AbortController().signal);
      expect(made.video).to.include(expected);
      expect(planFor(made).act).to.equal('nothing');
      expect(Math.abs(made.duration_ms - 1200)).to.be.lessThan(150);
    });
  }

  const remuxed: [string, Trait, RegExp][] = [
    ['Matroska', { extension: 'mkv', options: [...H264, '-c:a', 'aac'] }, /Packed into an MP4/],
    ['MP3 sound', { options: [...H264, '-c:a', 'libmp3lame'] }, /from MP3 to AAC/],
    [
      'a place',
      { options: [...H264, '-c:a', 'aac', '-metadata', 'location=+52.5+013.4/'] },
      /Removed the place/,
    ],
  ];
  for (const [name, trait, change] of remuxed) {
    it(`keeps the picture of ${name} as it is`, async () => {
      const path = await videoFile(trait);
      const { patch, output } = await prepare(path);
      expect(patch.media?.changes.join(' ')).to.match(change);
      expect(await pictureHash(output)).to.equal(await pictureHash(path));
      const { stdout } = await promisify(execFile)('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'format_tags',
        output,
      ]);
      expect(stdout).not.to.contain('location');
    });
  }

  it('takes a video without sound', async () => {
    const { patch } = await prepare(await videoFile({ has_sound: false, options: H264 }));
    expect(patch.media?.changes).to.deep.equal([]);
  });

  it('refuses what is shorter than a second, with the rule’s name', async () => {
    expect((await rejection(prepare(await videoFile({ seconds: 0.4 })))).message).to.match(
      /0\.4 seconds.*rule: duration/,
    );
  });

  it('saves what can be played of a truncated file, and refuses one with little left', async () => {
    const whole = await videoFile({
      seconds: 6,
      options: [...H264, '-c:a', 'aac', '-movflags', '+faststart'],
    });
    const size = readFileSync(whole).length;
    const cut = (part: number) => {
      const path = `${whole}.${part}.mp4`;
      copyFileSync(whole, path);
      truncateSync(path, Math.floor(size * part));
      return path;
    };
    expect((await prepare(cut(0.9))).patch.media?.changes.join(' ')).to.match(/damaged/);
    await rejection(prepare(cut(0.2)));
  });

  it('stops at once when told to, and leaves no process', async () => {
    const path = await videoFile({
      size: '1080x1920',
      seconds: 8,
      extension: 'avi',
      options: ['-c:v', 'mpeg4'],
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('stopped')), 300);
    const error = await prepare(path, stop.signal).then(
      () => null,
      (thrown) => thrown,
    );
    expect(error?.message).to.equal('stopped');
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
    expect(
      stdout.split('\n').filter((line) => line.includes('output.mp4') && line.includes('ffmpeg')),
    ).to.deep.equal([]);
  });
});

describe('the look at an upload', () => {
  const file = (name: string, content: string | Buffer) => {
    const path = join(mkdtempSync(join(tmpdir(), 'pm3k-inspect-')), name);
    writeFileSync(path, content);
    return path;
  };

  it('tells the real type, and what will be changed', async () => {
    expect(await inspect(await videoFile())).to.include({
      content_type: 'video/mp4',
      extension: '.mp4',
    });
    const webm = await inspect(
      await videoFile({ extension: 'webm', options: ['-c:v', 'libvpx', '-c:a', 'libvorbis'] }),
    );
    expect(webm.content_type).to.equal('video/webm');
    expect(webm.facts.changes[0]).to.contain('VP8');
  });

  it('makes no request and reads no other file, whatever a playlist names', async () => {
    let heard = 0;
    const canary = createServer((_request, response) => {
      heard += 1;
      response.end();
    });
    await new Promise<void>((done) => canary.listen(0, '127.0.0.1', () => done()));
    const { port } = canary.address() as AddressInfo;
    const real = await videoFile();
    const hostile = {
      'list.mp4': `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\nhttp://127.0.0.1:${port}/a.ts\n#EXT-X-ENDLIST\n`,
      'local.mp4': `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\nfile://${real}\n#EXT-X-ENDLIST\n`,
      'concat.mp4': `ffconcat version 1.0\nfile '${real}'\n`,
      'dash.mp4': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation><BaseURL>http://127.0.0.1:${port}/</BaseURL></Representation></AdaptationSet></Period></MPD>`,
      'text.mp4': 'Hello.',
      'empty.mp4': '',
    };
    for (const [name, content] of Object.entries(hostile))
      await rejection(inspect(file(name, content)));
    canary.close();
    expect(heard).to.equal(0);
  });

  it('refuses sound alone', async () => {
    await rejection(
      inspect(await videoFile({ extension: 'm4a', options: ['-vn', '-c:a', 'aac'] })),
    );
  });
});

async function pictureHash(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)('ffmpeg', [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    '0:v',
    '-f',
    'md5',
    '-',
  ]);
  return stdout;
}
