// Shows that every video of the corpus is made to conform, and keeps its contents.
import { expect } from 'chai';
import { QUICK_FFMPEG } from '../../support/ffmpeg.ts';
import { runTool, videoFile } from '../../support/videos.ts';
import { type Case, CORPUS } from './corpus.ts';
import { flashAndBeep, layoutOf, type Measured, measure } from './measure.ts';
import { prepare, sha256Of } from './step-context.ts';

const SYNC_S = 0.04;

describe('a creator’s video', () => {
  it('comes in at least sixty kinds, none twice', () => {
    const names = CORPUS.map(({ name, verdict }) => `${verdict}: ${name}`);
    expect(new Set(names).size).to.equal(names.length);
    expect(names.length).to.be.at.least(60);
  });

  for (const each of CORPUS) {
    it(`with ${each.name} is sent after this: ${each.verdict}`, async () => {
      const path = await videoFile(each);
      const { patch, sent, sha256 } = await prepare(path);
      const changes = patch.media?.changes ?? [];
      expect(sha256 === sha256Of(path), 'byte for byte').to.equal(each.verdict === 'as is');
      if (each.verdict === 'remux' || each.verdict === 'audio')
        await assertUntouched(each, path, sent);
      assertTold(each, changes);
      // By another ffprobe than the product's, and an older one: TikTok's is neither.
      const after = await measure(sent, QUICK_FFMPEG.FFPROBE_PATH);
      assertConforming(after, patch.output_type);
      expect(patch.media).to.deep.include({
        width: after.width,
        height: after.height,
        kind: 'video',
        sha256: sent === path ? 'known' : sha256,
      });
      if (each.verdict === 'as is') return;
      if (each.verdict === 're-encode') expect(after.video).to.equal('h264');
      assertKept(each, await measure(path), after);
      if (patch.output_type !== 'video/webm') assertPacked(sent);
      if (each.has_flash && after.audio) await assertInSync(each, sent);
    });
  }
});

/**
 * Compares contents, not headers: the pictures are the same, and after a remux the sound as well.
 */
async function assertUntouched(each: Case, path: string, sent: string): Promise<void> {
  if (each.losesPictures) return;
  const hasSound = each.has_sound !== false;
  const [before, after] = [await hashesOf(path, hasSound), await hashesOf(sent, hasSound)];
  expect(after.picture, 'the picture').to.equal(before.picture);
  if (each.verdict === 'remux') expect(after.sound, 'the sound').to.equal(before.sound);
  else expect(after.sound, 'the sound').not.to.equal(before.sound);
}

function assertTold({ verdict, says }: Case, changes: string[]): void {
  if (verdict === 'as is') expect(changes).to.deep.equal([]);
  else if (says) expect(changes, changes.join('\n')).to.have.lengthOf(says.length);
  else expect(changes).not.to.deep.equal([]);
  for (const words of says ?? []) expect(changes.join('\n')).to.match(words);
  for (const change of changes) expect(change).to.match(/^[A-Z].*\.$/);
}

/** TikTok's limits, written here a second time, so that a wrong constant in the code shows. */
function assertConforming(made: Measured, type: string | undefined | null): void {
  const isWebm = type === 'video/webm';
  expect(made.container).to.contain(isWebm ? 'webm' : 'mp4');
  expect(made.video).to.be.oneOf(isWebm ? ['vp8', 'vp9'] : ['h264', 'hevc', 'vp9']);
  expect(made.pix_fmt).to.be.oneOf(['yuv420p', 'yuvj420p']);
  expect(made.transfer).not.to.match(/2084|b67|bt2020/);
  expect(made.fps).to.be.within(22.99, 60.01);
  expect(Math.min(made.width, made.height)).to.be.at.least(360);
  expect(Math.max(made.width, made.height)).to.be.at.most(4096);
  expect(made.sample_aspect_ratio).to.equal('1:1');
  expect(made.is_constant, 'a constant frame rate').to.equal(true);
  expect(made.streams.sort()).to.deep.equal(made.audio ? ['audio', 'video'] : ['video']);
  if (made.audio) {
    expect(made.audio.codec).to.be.oneOf(isWebm ? ['opus', 'vorbis'] : ['aac']);
    expect(made.audio.channels).to.be.within(1, 2);
    expect(made.audio.sample_rate).to.be.at.most(48_000);
  }
  expect(made.tags.join(' ')).not.to.match(/location|gps|make|model|comment|apple|android/i);
}

/** Checks that the index is in front, and that the file holds nothing but what is played. */
function assertPacked(path: string): void {
  const layout = layoutOf(path).filter((box) => box !== 'free');
  expect(layout).to.deep.equal(['ftyp', 'moov', 'mdat']);
}

function assertKept({ becomes = {} }: Case, before: Measured, after: Measured): void {
  if (Number.isFinite(before.duration_s)) {
    const allowedS = Math.max(0.05, 1.01 / before.fps);
    expect(after.duration_s).to.be.closeTo(before.duration_s, allowedS);
  }
  expect(Boolean(after.audio), 'its sound').to.equal(Boolean(before.audio));
  if (becomes.codec) expect(after.video).to.equal(becomes.codec);
  if (becomes.audio) expect(after.audio?.codec).to.equal(becomes.audio);
  if (becomes.fps) expect(after.fps).to.be.closeTo(becomes.fps, 0.01);
  if (becomes.size) expect(`${after.width}x${after.height}`).to.equal(becomes.size);
  if (becomes.rotation !== undefined) expect(after.rotation).to.equal(becomes.rotation);
}

async function assertInSync({ beepLagsS = 0 }: Case, sent: string): Promise<void> {
  const { flash, beep } = await flashAndBeep(sent);
  expect(beep - flash, `flash at ${flash}, beep at ${beep}`).to.be.closeTo(beepLagsS, SYNC_S);
}

/** Returns a hash of the decoded contents, without their timestamps. */
async function hashesOf(
  path: string,
  hasSound: boolean,
): Promise<{ picture: string; sound: string }> {
  const hash = (stream: string) => [
    '-map',
    stream,
    '-fps_mode',
    'passthrough',
    '-f',
    'hash',
    '-hash',
    'md5',
    '-',
  ];
  const args = ['-v', 'error', '-i', path, ...hash('v:0'), ...(hasSound ? hash('a:0') : [])];
  const [picture = '', sound = ''] = (await runTool('ffmpeg', args)).split('\n');
  return { picture, sound };
}
