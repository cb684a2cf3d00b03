// Shows that photos are made to conform, and that what is no photo is refused.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import sharp, { type Sharp } from 'sharp';
import { type MadePhoto, makePhoto, makeThumbnail } from '../../../plugins/media/photos/make.ts';
import media from '../../../plugins/media/plugin.ts';
import { Problem } from '../../../src/plugin.ts';
import {
  jpeg,
  noise,
  PHP,
  picture,
  pngChunk,
  rawPng,
  withExif,
  withSegment,
} from '../../support/photos.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm3k-photos-'));
const signal = new AbortController().signal;
let files = 0;

function stored(bytes: Buffer | Uint8Array): string {
  files += 1;
  const path = join(folder, `source-${files}`);
  writeFileSync(path, bytes);
  return path;
}

const make = (bytes: Buffer) =>
  makePhoto(stored(bytes), mkdtempSync(join(folder, 'made-')), signal);
const inspect = (bytes: Buffer) => media.inspect(stored(bytes), { signal });

/** Checks what holds for every photo that is sent. */
async function judged(made: MadePhoto) {
  const bytes = readFileSync(made.path);
  const found = await sharp(bytes).metadata();
  expect(found.format).to.be.oneOf(['jpeg', 'webp']);
  expect(made.content_type).to.equal(`image/${found.format}`);
  expect(Math.min(found.width, found.height)).to.be.at.most(1080);
  expect(Math.max(found.width, found.height)).to.be.at.most(1920);
  expect(bytes.length).to.be.at.most(20_000_000);
  expect(found.isProgressive).to.equal(false);
  expect(found.space).to.be.oneOf(['srgb', 'b-w']);
  expect(found).not.to.have.any.keys('exif', 'icc', 'xmp', 'iptc', 'comments', 'orientation');
  expect(made.facts).to.include({ bytes: bytes.length, width: found.width, height: found.height });
  return { bytes, found };
}

async function rejection(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).to.be.instanceOf(Problem);
  expect(error.code).to.equal('media_rejected');
  return error;
}

/** Returns the colours of the upper and of the lower half. */
async function halves(bytes: Buffer): Promise<[number[], number[]]> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...data.subarray(
      (y * info.width + x) * info.channels,
      (y * info.width + x) * info.channels + 3,
    ),
  ];
  return [at(info.width >> 1, 8), at(info.width >> 1, info.height - 8)];
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a photo that conforms', () => {
  const conforming: [string, () => Promise<Buffer>][] = [
    ['a baseline JPEG', () => jpeg()],
    ['a JPEG of the largest size', () => jpeg({ width: 1080, height: 1920 })],
    ['a grey JPEG', () => picture().greyscale().toColourspace('b-w').jpeg().toBuffer()],
    ['a JPEG of 4:4:4', () => picture().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()],
    ['a lossy WebP', () => picture().webp().toBuffer()],
    ['a lossless WebP', () => picture().webp({ lossless: true }).toBuffer()],
  ];
  for (const [name, bytes] of conforming) {
    it(`passes byte for byte: ${name}`, async () => {
      const source = await bytes();
      const made = await make(source);
      expect(made.act).to.equal('nothing');
      expect(made.facts.changes).to.deep.equal([]);
      expect(sha256((await judged(made)).bytes)).to.equal(sha256(source));
    });
  }
});

describe('a photo with more in its file than the picture', () => {
  const extras: [string, () => Promise<Buffer>, RegExp][] = [
    ['a place in EXIF', () => withExif(picture(), 1).jpeg().toBuffer(), /the place where/],
    [
      'a place in XMP',
      async () =>
        withSegment(
          await jpeg(),
          0xe1,
          'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="51,30N"/></rdf:RDF></x:xmpmeta>',
        ),
      /the place where/,
    ],
    [
      'a film behind its end, as phones make them',
      async () => Buffer.concat([await jpeg(), Buffer.from('....ftypmp42 a film')]),
      /not the picture/,
    ],
    ['PHP in a comment', async () => withSegment(await jpeg(), 0xfe, PHP), /not the picture/],
    [
      'PHP in EXIF',
      () =>
        picture()
          .withExif({ IFD0: { Artist: PHP } })
          .jpeg()
          .toBuffer(),
      /not the/,
    ],
    ['PHP in APP13', async () => withSegment(await jpeg(), 0xed, PHP), /not the picture/],
    [
      'a thumbnail in JFIF',
      async () => {
        const jfif = Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01abc', 'latin1');
        return withSegment(await jpeg(), 0xe0, jfif);
      },
      /not the picture/,
    ],
    ['the profile of sRGB', () => picture().withIccProfile('srgb').jpeg().toBuffer(), /not the/],
    ['metadata in WebP', () => withExif(picture(), 1).webp().toBuffer(), /the place where/],
    [
      'something behind a WebP’s end',
      async () => Buffer.concat([await picture().webp().toBuffer(), Buffer.from(PHP)]),
      /not the picture/,
    ],
  ];
  for (const [name, bytes, told] of extras) {
    it(`loses that alone, and no quality: ${name}`, async () => {
      const source = await bytes();
      const made = await make(source);
      expect(made.act).to.equal('strip');
      expect(made.facts.changes.join(' ')).to.match(told);
      const { bytes: sent } = await judged(made);
      expect(sent.includes('<?php') || sent.includes('GPS') || sent.includes('ftyp')).to.equal(
        false,
      );
      const pixels = (of: Buffer) => sharp(of).raw().toBuffer();
      expect((await pixels(sent)).equals(await pixels(source))).to.equal(true);
    });
  }
});

describe('a photo that must be converted', () => {
  const converted: [string, () => Promise<Buffer>, RegExp, { width?: number; height?: number }?][] =
    [
      ['PNG', () => picture().png().toBuffer(), /from PNG to JPEG/, { width: 720, height: 1280 }],
      ['PNG with a palette', () => picture().png({ palette: true }).toBuffer(), /from PNG/],
      ['PNG of 16 bits', () => picture().toColourspace('rgb16').png().toBuffer(), /from PNG/],
      ['interlaced PNG', () => picture().png({ progressive: true }).toBuffer(), /from PNG/],
      [
        'AVIF',
        () => picture({ width: 400, height: 400 }).avif({ effort: 0 }).toBuffer(),
        /from AVIF/,
      ],
      ['TIFF', () => picture().tiff().toBuffer(), /from TIFF/],
      ['GIF', () => picture().gif().toBuffer(), /from GIF/],
      [
        'an animated WebP',
        async () => (await moving()).webp().toBuffer(),
        /Kept the first picture/,
        { width: 400, height: 400 },
      ],
      [
        'an animated GIF',
        async () => (await moving()).gif().toBuffer(),
        /from GIF.*Kept the first picture/,
        { width: 400, height: 400 },
      ],
      [
        'a shorter side of 1086',
        () => jpeg({ width: 1086, height: 1448 }),
        /Made smaller/,
        { width: 1080, height: 1440 },
      ],
      [
        'a longer side of 4000',
        () => jpeg({ width: 4000, height: 400 }),
        /Made smaller/,
        { width: 1920, height: 192 },
      ],
      [
        'a camera’s size',
        () => jpeg({ width: 4032, height: 3024 }),
        /smaller/,
        { width: 1440, height: 1080 },
      ],
      [
        '320 × 320',
        () => jpeg({ width: 320, height: 320 }),
        /Made larger/,
        { width: 360, height: 360 },
      ],
      ['progressive JPEG', () => picture().jpeg({ progressive: true }).toBuffer(), /baseline/],
      [
        'progressive JPEG made smaller',
        () => picture({ width: 2000, height: 2000 }).jpeg({ progressive: true }).toBuffer(),
        /smaller.*baseline/,
        { width: 1080, height: 1080 },
      ],
      ['CMYK', () => picture().toColourspace('cmyk').jpeg().toBuffer(), /print colours/],
      ['a wide gamut', () => picture().withIccProfile('p3').jpeg().toBuffer(), /colours to sRGB/],
      ['transparency in PNG', () => picture({ alpha: true }).png().toBuffer(), /transparency/],
      ['transparency in WebP', () => picture({ alpha: true }).webp().toBuffer(), /transparency/],
      [
        'more than 20 MB',
        () =>
          noise(1080, 1920)
            .webp({ lossless: true, effort: 0 })
            .toBuffer()
            .then((one) => Buffer.concat([one, Buffer.alloc(20_000_000)])),
        /20 MB/,
      ],
    ];
  for (const [name, bytes, told, size] of converted) {
    it(`becomes a plain JPEG: ${name}`, async () => {
      const made = await make(await bytes());
      expect(made.act).to.equal('convert');
      expect(made.facts.changes.join(' ')).to.match(told);
      const { found } = await judged(made);
      expect(found.format).to.equal('jpeg');
      if (size) expect(found).to.include(size);
    });
  }

  it('is not said to be transparent when nothing of it is', async () => {
    const made = await make(await picture().ensureAlpha().png().toBuffer());
    expect(made.facts.changes).to.deep.equal([
      'Converted from PNG to JPEG: TikTok takes JPEG and WebP.',
    ]);
    const opaque = await picture().ensureAlpha().webp({ lossless: true }).toBuffer();
    expect((await make(opaque)).act).to.equal('nothing');
  });

  it('has white where it was transparent', async () => {
    const { bytes } = await judged(await make(await picture({ alpha: true }).png().toBuffer()));
    expect((await halves(bytes))[1]).to.deep.equal([255, 255, 255]);
  });

  for (let orientation = 2; orientation <= 8; orientation += 1) {
    it(`is turned as its orientation ${orientation} says, and then says nothing`, async () => {
      const source = await withExif(picture({ width: 1600, height: 1200 }), orientation)
        .jpeg()
        .toBuffer();
      const made = await make(source);
      expect(made.facts.changes.join(' ')).to.match(/upright/);
      const { bytes, found } = await judged(made);
      const lies = orientation >= 5;
      expect([found.width, found.height]).to.deep.equal(lies ? [1080, 1440] : [1440, 1080]);
      const expected = await sharp(source)
        .autoOrient()
        .resize(8, 8, { fit: 'fill' })
        .raw()
        .toBuffer();
      const shown = await sharp(bytes).resize(8, 8, { fit: 'fill' }).raw().toBuffer();
      for (let n = 0; n < shown.length; n += 1)
        expect(Math.abs((shown[n] ?? 0) - (expected[n] ?? 0))).to.be.below(24);
    });
  }

  it('keeps the look of a wide gamut', async () => {
    // The same colour has other numbers in Display P3 than in sRGB, whose gamut is smaller.
    const source = await picture({ colour: '#60a040' }).withIccProfile('p3').jpeg().toBuffer();
    const before = (await sharp(source).toColourspace('srgb').raw().toBuffer()).subarray(0, 3);
    const { bytes } = await judged(await make(source));
    const after = (await sharp(bytes).raw().toBuffer()).subarray(0, 3);
    for (let n = 0; n < 3; n += 1)
      expect(Math.abs((after[n] ?? 0) - (before[n] ?? 0))).to.be.below(6);
  });
});

describe('a file that is no photo, damaged or an attack', () => {
  const refused: [string, () => Promise<Buffer> | Buffer, RegExp][] = [
    [
      'SVG',
      () =>
        Buffer.from(
          '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        ),
      /photo_kind/,
    ],
    [
      'SVG behind a declaration',
      () => Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
      /photo_kind/,
    ],
    ['PDF', () => Buffer.from('%PDF-1.7 and so on'), /photo_kind/],
    ['Photoshop', () => Buffer.from('8BPS\0\x01 and so on', 'latin1'), /photo_kind/],
    [
      'a JPEG cut in half',
      async () => half(await noise(800, 800).jpeg().toBuffer()),
      /photo_decodable/,
    ],
    [
      'a PNG cut in half',
      async () => half(await noise(800, 800).png().toBuffer()),
      /photo_decodable/,
    ],
    [
      'a WebP cut in half',
      async () => half(await noise(800, 800).webp().toBuffer()),
      /photo_decodable/,
    ],
    [
      'an AVIF cut in half',
      async () => half(await noise(200, 200).avif({ effort: 0 }).toBuffer()),
      /photo_decodable/,
    ],
    [
      'a JPEG that ends behind its header',
      async () => (await jpeg()).subarray(0, 200),
      /photo_decodable/,
    ],
    ['50,000 × 50,000 pixels in PNG', () => rawPng(50_000, 50_000, [], 1000), /photo_pixels/],
    ['16,383 × 16,383 pixels in WebP', () => hugeWebp(), /photo_pixels/],
    ['65,000 × 65,000 pixels in JPEG', async () => hugeJpeg(await jpeg()), /photo_pixels/],
    [
      'ten thousand squares in GIF',
      async () => hugeGif(await picture().gif().toBuffer()),
      /photo_pixels/,
    ],
  ];
  for (const [name, bytes, rule] of refused) {
    it(`is refused with its rule, before and in the job: ${name}`, async () => {
      const source = Buffer.from(await bytes());
      expect((await rejection(make(source))).extras.rule).to.match(rule);
      expect((await rejection(inspect(source))).extras.rule).to.match(rule);
    });
  }

  it('is not taken for SVG because it is XML', async () => {
    const text = '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>';
    expect((await rejection(inspect(Buffer.from(text)))).extras.rule).to.equal('is_video');
  });

  it('is no photo when it is a film or a text', async () => {
    const film = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom and so on', 'latin1');
    expect((await rejection(make(film))).extras.rule).to.equal('is_photo');
    expect((await rejection(make(Buffer.from('hello')))).extras.rule).to.equal('is_photo');
  });

  it('does not fill the memory with what a small file unfolds to', async () => {
    const zeros = deflateSync(Buffer.alloc(300_000_000));
    const text = pngChunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0'), zeros]));
    const profile = pngChunk('iCCP', Buffer.concat([Buffer.from('bomb\0\0'), zeros]));
    const bomb = rawPng(400, 400, [profile, text], 300_000_000);
    const before = process.resourceUsage().maxRSS;
    const made = await make(bomb).catch((error) => error);
    if (made instanceof Problem) expect(made.code).to.equal('media_rejected');
    else await judged(made);
    expect(process.resourceUsage().maxRSS - before).to.be.below(150_000);
  });

  const payloads: [string, () => Promise<Buffer>][] = [
    [
      'PNG’s tEXt',
      async () => rawPng(400, 400, [pngChunk('tEXt', Buffer.from(`Comment\0${PHP}`))]),
    ],
    ['GIF’s comment', async () => withComment(await picture().gif().toBuffer())],
    ['what follows a PNG', async () => Buffer.concat([rawPng(400, 400), Buffer.from(PHP)])],
    [
      'what follows a TIFF',
      async () => Buffer.concat([await picture().tiff().toBuffer(), Buffer.from(PHP)]),
    ],
    [
      'AVIF’s EXIF',
      () =>
        picture({ width: 400, height: 400 })
          .withExif({ IFD0: { Artist: PHP } })
          .avif({ effort: 0 })
          .toBuffer(),
    ],
  ];
  for (const [name, bytes] of payloads) {
    it(`leaves nothing of a program in ${name}`, async () => {
      const source = await bytes();
      expect(source.includes('<?php')).to.equal(true);
      const { bytes: sent } = await judged(await make(source));
      expect(sent.includes('<?php')).to.equal(false);
    });
  }

  it('is what it begins as: a WebP whose metadata look like SVG stays a WebP', async () => {
    const bytes = await picture()
      .withXmp('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>')
      .webp()
      .toBuffer();
    const made = await make(bytes);
    expect(made.act).to.equal('strip');
    expect((await judged(made)).bytes.includes('<svg')).to.equal(false);
  });
});

describe('a look at an uploaded photo', () => {
  it('tells what it really is, its size as shown, and what will be changed', async () => {
    const found = await inspect(
      await withExif(picture({ width: 800, height: 600 }), 6)
        .jpeg()
        .toBuffer(),
    );
    expect(found).to.include({ content_type: 'image/jpeg', extension: '.jpg' });
    expect(found.facts).to.include({ kind: 'photo', width: 600, height: 800, duration_ms: null });
    expect(found.facts.changes[0]).to.contain('upright');
  });

  it('takes a GIF that moves for a video, and one that stands still for a photo', async () => {
    const film = await inspect(await (await moving()).gif().toBuffer());
    expect(film).to.include({ content_type: 'image/gif' });
    expect(film.facts.kind).to.equal('video');
    expect((await inspect(await picture().gif().toBuffer())).facts.kind).to.equal('photo');
  });

  it('makes a small picture of it for lists', async () => {
    const small = await makeThumbnail(
      stored(await picture({ alpha: true, width: 2000 }).png().toBuffer()),
      200,
      folder,
      signal,
    );
    expect(await sharp(small).metadata()).to.include({ format: 'jpeg', width: 200 });
  });
});

/** An animation of two pictures. */
async function moving(): Promise<Sharp> {
  const size = { width: 400, height: 400 };
  const frames = ['#2060c0', '#c06020'].map((colour) =>
    picture({ ...size, colour })
      .png()
      .toBuffer(),
  );
  return sharp(await Promise.all(frames), { join: { animated: true } });
}

const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);

/** A lossless WebP's header states the size, in 14 bits a side. */
async function hugeWebp(): Promise<Buffer> {
  const bytes = await picture({ width: 20, height: 20 }).webp({ lossless: true }).toBuffer();
  const at = bytes.indexOf('VP8L') + 9;
  const side = 16_383 - 1;
  const flags = bytes.readUInt32LE(at) & 0xf0000000;
  bytes.writeUInt32LE((flags | (side << 14) | side) >>> 0, at);
  return bytes;
}

function hugeJpeg(bytes: Buffer): Buffer {
  const at = bytes.indexOf(Buffer.from([0xff, 0xc0])) + 5;
  bytes.writeUInt16BE(65_000, at);
  bytes.writeUInt16BE(65_000, at + 2);
  return bytes;
}

/** Makes the GIF's frame as large as its screen. */
function hugeGif(bytes: Buffer): Buffer {
  bytes.writeUInt16LE(10_000, 6);
  bytes.writeUInt16LE(10_000, 8);
  const frame = bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0]));
  bytes.writeUInt16LE(10_000, frame + 5);
  bytes.writeUInt16LE(10_000, frame + 7);
  return bytes;
}

/** Puts a comment extension right before the GIF's end. */
function withComment(bytes: Buffer): Buffer {
  const comment = Buffer.concat([
    Buffer.from([0x21, 0xfe, PHP.length]),
    Buffer.from(PHP),
    Buffer.from([0]),
  ]);
  return Buffer.concat([bytes.subarray(0, -1), comment, Buffer.from([0x3b])]);
}
