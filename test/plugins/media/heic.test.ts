// Shows that HEIC photos are decoded as they are shown, and damaged ones refused.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp, { type Sharp } from 'sharp';
import { readHeif } from '../../../plugins/media/photos/heif-boxes.ts';
import { makePhoto, makeThumbnail } from '../../../plugins/media/photos/make.ts';
import media from '../../../plugins/media/plugin.ts';
import { Problem } from '../../../src/plugin.ts';
import { heic } from '../../support/heic.ts';
import { picture } from '../../support/photos.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm3k-heic-test-'));
const signal = new AbortController().signal;
let files = 0;

function stored(bytes: Buffer): string {
  files += 1;
  const path = join(folder, `source-${files}`);
  writeFileSync(path, bytes);
  return path;
}

const own = () => mkdtempSync(join(folder, 'made-'));
const make = (bytes: Buffer) => makePhoto(stored(bytes), own(), signal);

/** A picture whose quarters have four colours. */
function quarters(width: number, height: number): Sharp {
  const [w, h] = [width / 2, height / 2];
  const quarter = (background: string) => ({
    create: { width: w, height: h, channels: 3 as const, background },
  });
  return sharp({ create: { width, height, channels: 3, background: '#c02020' } }).composite([
    { input: quarter('#20c020'), left: w, top: 0 },
    { input: quarter('#2020c0'), left: 0, top: h },
    { input: quarter('#c0c020'), left: w, top: h },
  ]);
}

async function looksLike(made: string | Buffer, wanted: Buffer): Promise<void> {
  const small = (of: string | Buffer) =>
    sharp(of).resize(8, 8, { fit: 'fill' }).removeAlpha().raw().toBuffer();
  const [a, b] = [await small(made), await small(wanted)];
  for (let n = 0; n < a.length; n += 1) expect(Math.abs((a[n] ?? 0) - (b[n] ?? 0))).to.be.below(30);
}

/** Returns the rule by which the work is refused. */
async function rejection(work: Promise<unknown>): Promise<string | undefined> {
  const error = await work.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).to.be.instanceOf(Problem);
  expect(error.code).to.equal('media_rejected');
  return error.extras.rule;
}

describe('a HEIC photo', () => {
  it('becomes a JPEG that looks the same', async () => {
    const image = quarters(640, 480);
    const made = await make(await heic(image.clone()));
    expect(made.facts).to.include({ width: 640, height: 480 });
    expect(made.facts.changes).to.deep.equal([
      'Converted from HEIC to JPEG: TikTok takes JPEG and WebP.',
    ]);
    expect(await sharp(readFileSync(made.path)).metadata()).to.include({
      format: 'jpeg',
      space: 'srgb',
    });
    await looksLike(made.path, await image.png().toBuffer());
  });

  it('is put together from its tiles, cut where they stand over, and made smaller', async () => {
    const image = quarters(1536, 1024);
    const size = { width: 1400, height: 1000 };
    const made = await make(await heic(image.clone(), { columns: 3, rows: 2, size }));
    expect(made.facts).to.include({ width: 1400, height: 1000 });
    const whole = await image.png().toBuffer();
    await looksLike(
      made.path,
      await sharp(whole)
        .extract({ left: 0, top: 0, ...size })
        .png()
        .toBuffer(),
    );
  });

  for (const turns of [1, 2, 3]) {
    it(`is turned ${turns} quarters against the clock, as it says`, async () => {
      const image = quarters(640, 480);
      const made = await make(await heic(image.clone(), { turns }));
      const whole = await image.png().toBuffer();
      const wanted = await sharp(whole)
        .rotate(360 - turns * 90)
        .png()
        .toBuffer();
      const { width, height } = await sharp(wanted).metadata();
      expect(made.facts).to.include({ width, height });
      await looksLike(made.path, wanted);
    });
  }

  it('keeps the look of a wide gamut', async () => {
    const p3 = await picture({ width: 640, height: 480, colour: '#60a040' })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const icc = (await sharp(p3).metadata()).icc as Buffer;
    // These are P3's numbers; read as sRGB they would be paler.
    const { data, info } = await sharp(p3)
      .removeAlpha()
      .keepIccProfile()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const numbers = sharp(data, { raw: { width, height, channels: 3 } });
    const made = await make(await heic(numbers, { icc }));
    expect(made.facts.changes.join(' ')).to.contain('sRGB');
    await looksLike(made.path, await sharp(p3).toColourspace('srgb').png().toBuffer());
  });

  it('is known on arrival, and has a small picture', async () => {
    const bytes = await heic(quarters(640, 480), { turns: 1 });
    const found = await media.inspect(stored(bytes), { signal });
    expect(found).to.include({ content_type: 'image/heic', extension: '.heic' });
    expect(found.facts).to.include({ kind: 'photo', width: 480, height: 640 });
    const small = await makeThumbnail(stored(bytes), 200, own(), signal);
    expect(await sharp(small).metadata()).to.include({ format: 'jpeg', width: 150, height: 200 });
  });

  it('loses a film behind it', async () => {
    const bytes = Buffer.concat([
      await heic(quarters(640, 480)),
      Buffer.from('\0\0\0\x10ftypmp42a film'),
    ]);
    expect(readFileSync((await make(bytes)).path).includes('a film')).to.equal(false);
  });

  it('is refused when it is cut, and when its boxes say what is not so', async () => {
    const bytes = await heic(quarters(1024, 512), { columns: 2, rows: 1 });
    const changed = (type: string, at: number, value: number) => {
      const copy = Buffer.from(bytes);
      copy[copy.indexOf(type) + at] = value;
      return copy;
    };
    const bad: [string, Buffer][] = [
      ['cut in half', bytes.subarray(0, bytes.length >> 1)],
      ['more tiles than there are', changed('mdat', 4 + 3, 9)],
      ['a place beyond the end', changed('iloc', 4 + 8 + 6, 0x7f)],
      ['tiles of no kind', changed('hvc1', 0, 0x78)],
      ['no decoder configuration', changed('hvcC', 0, 0x78)],
      ['no references', changed('dimg', 0, 0x78)],
    ];
    for (const [name, file] of bad) {
      expect(await rejection(make(file)), name).to.match(/photo_(kind|decodable)/);
      expect(await rejection(media.inspect(stored(file), { signal })), name).to.match(/photo_/);
    }
  });

  it('never names more bytes than the file has, however its boxes are changed', async () => {
    const bytes = await heic(quarters(512, 256), { columns: 2, rows: 1 });
    const end = bytes.indexOf('mdat');
    let read = 0;
    for (let n = 8; n < end; n += 1) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const copy = Buffer.from(bytes);
        copy[n] = value;
        try {
          const { tiles } = readHeif(copy);
          read += 1;
          const sum = tiles.reduce((all, { length }) => all + length, 0);
          expect(sum).to.be.at.most(copy.length);
        } catch (error) {
          if (error instanceof Error && error.name === 'AssertionError') throw error;
        }
      }
    }
    expect(read).to.be.above(0);
  });
});
