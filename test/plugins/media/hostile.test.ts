// Shows that hostile and damaged files cost their own job and nothing else.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { aBox, findBoxes, withBox, withChange } from '../../support/boxes.ts';
import {
  AAC,
  CONFORMING,
  H264,
  runTool,
  type Trait,
  video,
  videoFile,
} from '../../support/videos.ts';
import { prepare, rejection } from './step-context.ts';

describe('what is no video, or means harm,', () => {
  let folder: string;
  let canary: Server;
  let url: string;
  let heard: string[];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pm3k-hostile-'));
    heard = [];
    canary = createServer((request, response) => {
      heard.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((done) => canary.listen(0, '127.0.0.1', () => done()));
    url = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/canary`;
  });

  after(() => {
    canary.close();
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach('nothing is asked of anybody', () => expect(heard).to.deep.equal([]));

  const write = (name: string, content: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  const Names = ['a.mp4', 'a.m3u8', 'a.avi', 'a.webm', 'a.mkv', 'a.mov', 'a.gif', 'a.jpg', 'a'];
  for (const name of Names) {
    it(`is refused as a playlist called ${name}`, async () => {
      const secret = await videoFile();
      for (const target of [url, `file://${secret}`, secret, `concat:${secret}`]) {
        const list = `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n${target}\n#EXT-X-ENDLIST\n`;
        await isRefused(write(name, list), 'is_video');
      }
    });
  }

  const texts: [string, (target: string) => string][] = [
    ['a playlist without end', (it) => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n${it}\n`],
    ['a list of playlists', (it) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${it}\n`],
    [
      'a playlist with a key elsewhere',
      (it) => `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${it}"\n#EXTINF:1,\na.ts\n`,
    ],
    [
      'a playlist in an AVI’s clothes',
      (it) => `RIFF\0\0\0\0AVI LIST\n#EXTM3U\n#EXTINF:1,\n${it}\n`,
    ],
    ['a list for concat', (it) => `ffconcat version 1.0\nfile '${it}'\n`],
    [
      'DASH',
      (it) =>
        `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${it}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'a session description',
      (it) =>
        `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=${it}\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    ],
    [
      'an SVG',
      (it) =>
        `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="${it}"/></svg>`,
    ],
    ['a script for avisynth', (it) => `FFmpegSource2("${it}")\n`],
    ['a SMIL', (it) => `<smil><body><video src="${it}"/></body></smil>`],
    ['ffmetadata', (it) => `;FFMETADATA1\ntitle=${it}\n`],
    ['subtitles', () => '1\n00:00:00,000 --> 00:00:09,000\nHello.\n'],
    ['words', () => 'Hello.'],
  ];
  for (const [name, text] of texts) {
    it(`is refused as ${name}`, async () => {
      for (const target of [url, `file://${await videoFile()}`])
        await isRefused(write('text.mp4', text(target)), 'is_video');
    });
  }

  const bytes: [string, () => Buffer | Promise<Buffer>, string][] = [
    ['nothing at all', () => Buffer.alloc(0), 'is_video'],
    ['noise', () => noise(200_000), 'is_video'],
    [
      'a ZIP',
      () => Buffer.from('504b03040a0000000000000000000000000000000000000000000000', 'hex'),
      'is_video',
    ],
    ['an index alone', async () => (await video()).subarray(0, 400), 'is_video'],
    [
      'a film whose end is missing and with it the index',
      async () => cut({ options: [...H264, ...AAC] }, 0.7),
      'is_video',
    ],
    ['a film whose index is cut through', async () => cut({}, 0.02), 'decodable'],
    ['a film of which little is left', async () => cut({ seconds: 6 }, 0.2), 'decodable'],
    ['headers over noise', async () => withNoise(await video()), 'decodable'],
    [
      'a film whose pictures are elsewhere',
      async () => withReference(await video({ options: [...H264, ...AAC] }), join(folder, 'a.mp4')),
      'self_contained',
    ],
    [
      'an encrypted film',
      () =>
        video({
          options: [
            ...CONFORMING,
            '-encryption_scheme',
            'cenc-aes-ctr',
            '-encryption_key',
            '0'.repeat(32),
            '-encryption_kid',
            '1'.repeat(32),
          ],
        }),
      'encrypted',
    ],
    ['a picture of four billion pixels', bomb, 'is_video'],
    ['ten thousand tracks', manyTracks, 'is_video'],
    ['boxes in boxes without end', () => nested(20_000), 'is_video'],
    ['less than a second', () => video({ seconds: 0.4 }), 'duration'],
    [
      'eleven minutes',
      () =>
        video({
          seconds: 660,
          rate: '1',
          has_sound: false,
          options: [...H264, '-movflags', '+faststart'],
        }),
      'duration',
    ],
    ['sound alone', () => video({ extension: 'm4a', options: ['-vn', ...AAC] }), 'is_video'],
    ['sound with a cover', withCover, 'is_video'],
    [
      'a photo',
      () => video({ extension: 'jpg', has_sound: false, options: ['-frames:v', '1'] }),
      'is_video',
    ],
    [
      'a codec in rare use',
      () => video({ extension: 'mkv', options: ['-c:v', 'ffv1', ...AAC] }),
      'readable',
    ],
    [
      'a container in rare use',
      () => video({ extension: 'wmv', options: ['-c:v', 'wmv2', '-c:a', 'wmav2'] }),
      'is_video',
    ],
  ];
  for (const [name, content, rule] of bytes) {
    it(`is refused as ${name}`, async () => isRefused(write('bytes.mp4', await content()), rule));
  }

  it('is refused when it is damaged, within the time that a person waits', async () => {
    for (const part of [0.7, 0.5, 0.1]) {
      const path = write(
        'slow.mkv',
        await cut({ extension: 'mkv', options: [...H264, ...AAC] }, part),
      );
      const outcome = await prepare(path).catch((error) => error);
      expect(outcome.code ?? outcome.patch.media.changes.join(' ')).to.match(
        /media_rejected|damaged|said it lasts/,
      );
    }
  });

  const wrapped = [
    'subfile,,start,0,end,0,,:a.mp4',
    'concat:a.mp4',
    'pipe:0',
    '-i.mp4',
    '%03d.mp4',
  ];
  for (const name of wrapped) {
    it(`does no harm by its name alone: ${name}`, async () => {
      const path = write(name, await video());
      expect((await prepare(path)).patch.media?.changes).to.deep.equal([]);
    });
  }

  it('leaves the next one as it was', async () => {
    expect((await prepare(await videoFile())).patch.output_key).to.equal('source');
  });
});

async function isRefused(path: string, rule: string): Promise<void> {
  const { message, extras } = await rejection(prepare(path));
  expect(extras.rule).to.equal(rule);
  expect(message).not.to.contain('/');
}

function noise(length: number): Buffer {
  let state = 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return (state >> 16) & 0xff;
    }),
  );
}

async function cut(trait: Trait, part: number): Promise<Buffer> {
  const path = await videoFile(trait);
  return readFileSync(path).subarray(0, Math.floor(statSync(path).size * part));
}

function withNoise(mp4: Buffer): Buffer {
  return withChange(mp4, ['mdat'], (samples) => samples.set(noise(samples.length)));
}

/** A video whose first track says that its samples are in another file. */
function withReference(mp4: Buffer, path: string): Buffer {
  const parents = ['moov', 'trak', 'mdia', 'minf', 'dinf', 'dref'];
  const emptied = withChange(mp4, [...parents, 'url '], (flags) => flags.writeUInt32BE(0, 0));
  const before = findBoxes(emptied, [...parents, 'url ']).at(-1);
  const name = Buffer.from(`file://${path}\0`);
  const made = withBox(emptied, [...parents, 'url '], name);
  expect(made.length).to.equal(emptied.length + name.length);
  expect(before).not.to.equal(undefined);
  return made;
}

/** A GIF of a few bytes that says it is 65,535 pixels on each side. */
function bomb(): Buffer {
  const head = Buffer.from('474946383961ffffffff8000000000000000ff', 'hex');
  const picture = Buffer.from('21f904000a0000002c00000000ffffffff0002024401003b', 'hex');
  return Buffer.concat([head, picture]);
}

async function manyTracks(): Promise<Buffer> {
  const mp4 = await video({ options: [...H264, ...AAC] });
  const track = findBoxes(mp4, ['moov', 'trak']).at(-1);
  const copy = mp4.subarray(track?.start, track?.end);
  return withBox(mp4, ['moov'], Buffer.concat(Array.from({ length: 10_000 }, () => copy)));
}

function nested(depth: number): Buffer {
  const boxes = Buffer.alloc(depth * 8);
  for (let at = 0; at < depth; at += 1) {
    boxes.writeUInt32BE((depth - at) * 8, at * 8);
    boxes.write('moov', at * 8 + 4, 'latin1');
  }
  return Buffer.concat([aBox('ftyp', 'isom\0\0\0\0isom'), boxes]);
}

async function withCover(): Promise<Buffer> {
  const sound = await videoFile({ extension: 'm4a', options: ['-vn', ...AAC] });
  const path = `${sound}.covered.m4a`;
  await runTool('ffmpeg', [
    ...[
      '-v',
      'error',
      '-y',
      '-i',
      sound,
      '-f',
      'lavfi',
      '-i',
      'color=red:size=360x360:duration=0.04',
    ],
    ...[
      '-map',
      '0',
      '-map',
      '1',
      '-c:a',
      'copy',
      '-c:v',
      'mjpeg',
      '-disposition:v',
      'attached_pic',
    ],
    path,
  ]);
  return readFileSync(path);
}
