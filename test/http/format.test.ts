// Shows sizes, lengths and times in words.
import { expect } from 'chai';
import {
  capitalised,
  duration,
  exact,
  megabytes,
  relative,
  size,
  utc,
} from '../../src/http/format.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const from = (seconds: number) => relative(new Date(NOW.getTime() + seconds * 1000), NOW);

describe('words for people', () => {
  it('tell sizes in the unit that suits them', () => {
    expect([1, 999_999].map(megabytes)).to.deep.equal(['1 kB', '1000 kB']);
    expect([1_000_000, 1_540_000].map(megabytes)).to.deep.equal(['1 MB', '1.5 MB']);
    expect([5_000, 4_000_000_000].map(size)).to.deep.equal(['5 kB', '4.0 GB']);
  });

  it('tell lengths in minutes and seconds', () => {
    expect([null, 0, 9_600, 61_000, 3_600_000].map(duration)).to.deep.equal([
      ...['', '0:00', '0:10', '1:01', '60:00'],
    ]);
  });

  it('tell how far a time is, in hours up to two days', () => {
    expect([0, 30, -90, 7_200, 47 * 3_600, 3 * 86_400].map(from)).to.deep.equal([
      ...['now', 'in 30 seconds', '1 minute ago', 'in 2 hours', 'in 47 hours', 'in 3 days'],
    ]);
  });

  it('tell a time in UTC, with the year where it is not near', () => {
    expect(utc(new Date('2001-02-03T04:05:00Z'))).to.match(/3 Feb 2001,? 04:05 UTC$/);
    expect(utc(new Date())).not.to.match(/\b20\d\d\b/);
    expect(exact(NOW)).to.equal('1 March 2026 at 12:00 UTC');
    expect(capitalised('identity asked')).to.equal('Identity asked');
  });
});
