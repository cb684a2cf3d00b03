// Shows that the next free time breaks no limit and is the first of its kind.
import { expect } from 'chai';
import fc from 'fast-check';
import { DAY_MS } from '../../../src/base/time.ts';
import { conflictAt, nextFreeTime } from '../../../src/jobs/accept/free-time.ts';

const HOUR = 3600_000;
const LIMITS = { perDay: 3, spacingMs: HOUR };

describe('the next free time', () => {
  it('is now when nothing is planned', () => {
    expect(nextFreeTime([], 5, LIMITS)).to.equal(5);
    expect(conflictAt([], 5, LIMITS)).to.equal(null);
  });

  it('keeps the spacing to both sides', () => {
    expect(conflictAt([10 * HOUR], 9.5 * HOUR, LIMITS)).to.equal('too_soon');
    expect(conflictAt([10 * HOUR], 10.5 * HOUR, LIMITS)).to.equal('too_soon');
    expect(conflictAt([10 * HOUR], 11 * HOUR, LIMITS)).to.equal(null);
    expect(conflictAt([10 * HOUR], 9 * HOUR, LIMITS)).to.equal(null);
    expect(nextFreeTime([10 * HOUR], 9.5 * HOUR, LIMITS)).to.equal(11 * HOUR);
    expect(nextFreeTime([10 * HOUR, 11.5 * HOUR], 9.5 * HOUR, LIMITS)).to.equal(12.5 * HOUR);
  });

  it('counts any 24 hours, also those that begin or end with a later post', () => {
    const taken = [0, 2 * HOUR, 4 * HOUR];
    expect(conflictAt(taken, 20 * HOUR, LIMITS)).to.equal('daily_limit');
    expect(conflictAt(taken, DAY_MS, LIMITS)).to.equal(null);
    // A post before three that are planned already.
    expect(conflictAt([10 * HOUR, 12 * HOUR, 14 * HOUR], 5 * HOUR, LIMITS)).to.equal('daily_limit');
    expect(nextFreeTime(taken, 5 * HOUR, LIMITS)).to.equal(DAY_MS);
  });

  it('knows no limit that is off', () => {
    expect(conflictAt([1, 2, 3, 4], 2, { perDay: 0, spacingMs: 0 })).to.equal(null);
    expect(conflictAt([1, 2, 3, 4], 2, { perDay: 0, spacingMs: HOUR })).to.equal('too_soon');
  });

  it('is free, is the earliest on a grid, and never breaks a limit by being taken', () => {
    const hours = fc.array(fc.integer({ min: -30, max: 60 }), { maxLength: 25 });
    fc.assert(
      fc.property(
        hours,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        (at, perDay, gap) => {
          const limits = { perDay, spacingMs: gap * HOUR };
          // Uses only times that could have been accepted one after another.
          const taken: number[] = [];
          for (const hour of at) {
            if (conflictAt(taken, hour * HOUR, limits) === null) taken.push(hour * HOUR);
          }
          const free = nextFreeTime(taken, 0, limits);
          expect(conflictAt(taken, free, limits)).to.equal(null);
          for (let hour = 0; hour * HOUR < free; hour += 1) {
            expect(conflictAt(taken, hour * HOUR, limits), `hour ${hour}`).not.to.equal(null);
          }
          const all = [...taken, free].sort((a, b) => a - b);
          for (const start of all) {
            const day = all.filter((t) => t >= start && t < start + DAY_MS);
            expect(day.length).to.be.at.most(perDay);
          }
        },
      ),
    );
  });
});
