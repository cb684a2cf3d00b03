import { expect } from 'chai';
import type { Probe } from '../../plugins/media/probe.ts';
import { PICTURE } from '../../plugins/media/rules/picture.ts';
import { chunkPlan } from '../../src/tiktok/chunks.ts';

describe('TikTok’s 4 GB', () => {
  const rule = PICTURE.find(({ name }) => name === 'bytes');

  for (const [bytes, isTaken] of [
    [4_000_000_000, true],
    [4_000_000_001, false],
    [4_294_967_296, false],
  ] as const) {
    it(`${isTaken ? 'hold' : 'do not hold'} ${bytes} bytes, for the rules and for the upload`, () => {
      const fault = rule?.fault({ bytes } as Probe);
      expect(fault === null, 'the rule').to.equal(isTaken);
      const plan = () => chunkPlan(bytes);
      if (isTaken) expect(plan).not.to.throw();
      else expect(plan).to.throw(RangeError);
    });
  }
});
