import { expect } from 'chai';
import fc from 'fast-check';
import { checkChunks } from '../../scripts/tiktok-sandbox/bodies.ts';
import { chunkFrom, chunkPlan } from '../../src/tiktok/chunks.ts';
import { TIKTOK_LIMITS } from '../../src/tiktok/limits.ts';

const { maxBytes } = TIKTOK_LIMITS.video;

describe('the chunk plan', () => {
  for (const [size, chunk, count] of [
    [4_194_304, 4_194_304, 1],
    [64_000_000, 64_000_000, 1],
    [64_000_001, 21_333_333, 3],
    [66_259_900, 22_086_633, 3],
    [121_000_000, 30_250_000, 4],
    [602_285_541, 31_699_239, 19],
    [4_000_000_000, 32_000_000, 125],
  ] as const) {
    it(`of ${size} bytes is ${count} of ${chunk}`, () => {
      expect(chunkPlan(size)).to.deep.equal({ chunk_size: chunk, chunk_count: count });
    });
  }

  it('keeps both wordings of the rule, and every bound, at every size up to 4 GB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: maxBytes }), (size) => {
        const { chunk_size, chunk_count } = chunkPlan(size);
        const last = size - chunk_size * (chunk_count - 1);
        expect(chunk_count).to.equal(Math.floor(size / chunk_size));
        expect(chunk_size).to.equal(Math.floor(size / chunk_count));
        expect(chunk_size).to.be.at.most(64_000_000);
        expect(last).to.be.within(chunk_size, 128_000_000);
        if (chunk_count > 1) expect(chunk_size).to.be.at.least(5_242_880);
        expect(chunk_count).to.be.at.most(1000);
        // The sandbox judges by rules of its own.
        checkChunks({ video_size: size, chunk_size, total_chunk_count: chunk_count });
      }),
      { numRuns: 20_000, examples: [[1], [64_000_000], [64_000_001], [maxBytes]] },
    );
  });

  it('covers every byte once, whatever offset it goes on from', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: maxBytes }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (size, part) => {
          const plan = chunkPlan(size);
          let offset = Math.floor(size * part);
          for (
            let range = chunkFrom(plan, size, offset);
            range;
            range = chunkFrom(plan, size, offset)
          ) {
            expect(range.first).to.equal(offset);
            expect(range.last).to.be.within(range.first, size - 1);
            offset = range.last + 1;
          }
          expect(offset).to.equal(size);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is refused for nothing, and for more than TikTok takes', () => {
    for (const size of [0, -1, 1.5, Number.NaN, maxBytes + 1])
      expect(() => chunkPlan(size)).to.throw(RangeError);
  });
});
