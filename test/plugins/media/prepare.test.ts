// Shows how media.prepare treats long, damaged and HDR videos.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CreatorTikTok } from '../../../src/creators/tiktok.ts';
import { Later, Problem, type StepContext, TikTokError } from '../../../src/plugin.ts';
import { H264, runTool, videoFile } from '../../support/videos.ts';
import { measure } from './measure.ts';
import { prepare, rejection } from './step-context.ts';

const LONG = { seconds: 90, rate: '24', size: '360x360', has_sound: false };
const longVideo = () =>
  videoFile({ ...LONG, options: [...H264, '-g', '240', '-movflags', '+faststart'] });

describe('media.prepare', () => {
  it('refuses within seconds what is longer than this creator may post', async () => {
    const { message, extras } = await rejection(
      prepare(await longVideo(), { context: tiktok(60) }),
    );
    expect(message).to.match(/90 seconds long; TikTok takes at most 60/);
    expect(extras.rule).to.equal('duration');
  });

  it('asks nothing of TikTok for a draft, and takes what the creator may post', async () => {
    const path = await longVideo();
    const asked = { context: tiktok(60), job: { destination: 'inbox' as const } };
    expect((await prepare(path, asked)).patch.output_key).to.equal('source');
    expect((await prepare(path, { context: tiktok(90) })).patch.output_key).to.equal('source');
  });

  const silences: [string, () => Promise<never>][] = [
    ['is down', () => Promise.reject(new TikTokError({ kind: 'unreadable', code: 'timeout' }))],
    ['has no time for this creator', () => Promise.reject(Later.in(60_000))],
    [
      'no longer knows this creator',
      () => Promise.reject(new Problem('creator_disconnected', '-')),
    ],
  ];
  for (const [name, creatorInfo] of silences) {
    it(`fails no file because TikTok ${name}`, async () => {
      const context = { tiktok: { creatorInfo } as unknown as CreatorTikTok };
      expect((await prepare(await longVideo(), { context })).patch.output_key).to.equal('source');
    });
  }

  it('saves what can be played of a truncated file, and says so', async () => {
    const whole = await videoFile({ seconds: 6 });
    const bytes = readFileSync(whole);
    const path = `${whole}.cut.mp4`;
    writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * 0.9)));
    const { patch, sent } = await prepare(path);
    expect(patch.media?.changes).to.deep.equal([
      'Parts of the file were damaged, so we converted what can be played.',
    ]);
    expect((await measure(sent)).duration_s).to.be.within(4.5, 6);
  });

  it('converts what looks well and does not play', async () => {
    const whole = await videoFile({
      seconds: 6,
      has_sound: false,
      options: [...H264, '-g', '15', '-movflags', '+faststart'],
    });
    const bytes = Buffer.from(readFileSync(whole));
    bytes.fill(0x55, Math.floor(bytes.length * 0.6), Math.floor(bytes.length * 0.62));
    const path = `${whole}.torn.mp4`;
    writeFileSync(path, bytes);
    const { patch } = await prepare(path);
    expect(patch.media?.changes.join(' ')).to.match(/^Parts of the file were damaged/);
  });

  it('converts what cannot be packed anew', async () => {
    const path = await videoFile({
      extension: 'avi',
      has_sound: false,
      options: ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-bf', '3', '-b_strategy', '0'],
    });
    const { patch, sent } = await prepare(path);
    expect(patch.media?.changes).to.have.lengthOf(1);
    expect(patch.media?.changes[0]).to.match(/yours was AVI/);
    expect((await measure(sent)).duration_s).to.be.closeTo(1.2, 0.05);
  });

  it('stops at once when told to, and leaves no process', async () => {
    const path = await videoFile({
      size: '1080x1920',
      seconds: 8,
      extension: 'avi',
      options: ['-c:v', 'mpeg4'],
    });
    const stop = new AbortController();
    const progress = () => stop.abort(new Error('stopped'));
    const error = await prepare(path, { signal: stop.signal, context: { progress } }).catch(
      (it) => it,
    );
    expect(error?.message).to.equal('stopped');
    const lines = (await runTool('ps', ['-eo', 'args'])).split('\n');
    expect(lines.filter((line) => /ffmpeg.*pm3k-prepare/.test(line))).to.deep.equal([]);
  });

  it('waits for room rather than to begin what cannot end', async function () {
    const small = mkdtempSync(join(tmpdir(), 'pm3k-small-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', small], { stdio: 'ignore' });
    } catch {
      return this.skip();
    }
    try {
      const scratch = join(small, 'run');
      mkdirSync(scratch);
      const error = await prepare(await videoFile(), { context: { scratch } }).catch((it) => it);
      expect(error).to.be.instanceOf(Problem);
      expect(error.code).to.equal('storage_full');
    } finally {
      execFileSync('umount', [small]);
      rmSync(small, { recursive: true });
    }
  });

  it('fits the light of HDR to ordinary screens', async () => {
    for (const transfer of ['smpte2084', 'arib-std-b67'] as const) {
      const { sent } = await prepare(await greys(transfer));
      const [black = 0, dim = 0, white = 0] = await lightOf(sent);
      expect(black, transfer).to.be.closeTo(16, 2);
      // 10 cd/m², where white paper has 203, must be as dark on an ordinary screen.
      expect(dim, transfer).to.be.closeTo(16 + 219 * (10 / 203) ** (1 / 2.4), 4);
      expect(white, transfer).to.be.within(190, 225);
    }
  });
});

function tiktok(maxVideoPostDurationSec: number): Partial<StepContext> {
  const creatorInfo = async () => ({
    can_post: true,
    max_video_post_duration_sec: maxVideoPostDurationSec,
  });
  return { tiktok: { creatorInfo } as unknown as CreatorTikTok };
}

/** Three bars of black, ten and 203 cd/m², in 10 bits. */
function greys(transfer: 'smpte2084' | 'arib-std-b67'): Promise<string> {
  const code = transfer === 'smpte2084' ? pq : hlg;
  const [dim, white] = [10, 203].map((light) => Math.round(64 + 876 * code(light)));
  const lum = `geq=lum='if(lt(X,120),64,if(lt(X,240),${dim},${white}))':cb=512:cr=512`;
  const colours = `colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc:log-level=none`;
  return videoFile({
    size: '360x360',
    has_sound: false,
    filters: `format=yuv420p10le,${lum}`,
    options: [
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p10le'],
      ...['-color_primaries', 'bt2020', '-color_trc', transfer, '-colorspace', 'bt2020nc'],
      ...['-x265-params', `${colours}:qp=8`, '-movflags', '+faststart'],
    ],
  });
}

/** SMPTE ST 2084, from cd/m² to 0…1. */
function pq(light: number): number {
  const power = (light / 10_000) ** 0.1593017578125;
  return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375;
}

/** ARIB STD-B67 on a screen of a thousand cd/m². */
function hlg(light: number): number {
  const scene = (light / 1_000) ** (1 / 1.2);
  if (scene <= 1 / 12) return Math.sqrt(3 * scene);
  return 0.17883277 * Math.log(12 * scene - 0.28466892) + 0.55991073;
}

/** Returns the luma in the middle of each of three bars, 16…235. */
function lightOf(path: string): Promise<number[]> {
  const at = async (x: number) => {
    const told = await runTool('ffmpeg', [
      ...['-v', 'error', '-i', path, '-frames:v', '1', '-an'],
      ...['-vf', `crop=40:40:${x}:160,signalstats,metadata=print:file=-`, '-f', 'null', '-'],
    ]);
    return Number(/signalstats\.YAVG=(\S+)/.exec(told)?.[1]);
  };
  return Promise.all([40, 160, 280].map(at));
}
