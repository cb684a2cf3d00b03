// Shows which instant a wall time means where the clocks are changed, in zones all over the world.
import { expect } from 'chai';
import { readZonedTime } from '../../../src/jobs/pages/zoned-time.ts';

/** zone, what was typed, the instant, and what the change of the clocks does to it. */
const TIMES = [
  ['Europe/Berlin', '2027-03-28T01:59', '2027-03-28T00:59', null],
  ['Europe/Berlin', '2027-03-28T02:30', '2027-03-28T01:30', 'skipped'],
  ['Europe/Berlin', '2027-03-28T03:00', '2027-03-28T01:00', null],
  ['Europe/Berlin', '2027-10-31T02:30', '2027-10-31T00:30', 'doubled'],
  ['Europe/Berlin', '2027-10-31T03:00', '2027-10-31T02:00', null],
  ['America/New_York', '2027-03-14T01:59', '2027-03-14T06:59', null],
  ['America/New_York', '2027-03-14T02:00', '2027-03-14T07:00', 'skipped'],
  ['America/New_York', '2027-03-14T02:30', '2027-03-14T07:30', 'skipped'],
  ['America/New_York', '2027-11-07T01:30', '2027-11-07T05:30', 'doubled'],
  ['America/New_York', '2027-11-07T02:00', '2027-11-07T07:00', null],
  // Summer in January, and half an hour.
  ['Australia/Lord_Howe', '2027-10-03T02:15', '2027-10-02T15:45', 'skipped'],
  ['Australia/Lord_Howe', '2027-10-03T02:30', '2027-10-02T15:30', null],
  ['Australia/Lord_Howe', '2027-04-04T01:45', '2027-04-03T14:45', 'doubled'],
  ['Pacific/Auckland', '2027-09-26T02:30', '2027-09-25T14:30', 'skipped'],
  ['Pacific/Auckland', '2027-04-04T02:30', '2027-04-03T13:30', 'doubled'],
  // The clocks go forward at midnight, so that the day has no 00:30.
  ['America/Santiago', '2027-09-05T00:30', '2027-09-05T04:30', 'skipped'],
  ['Asia/Kathmandu', '2027-03-28T02:30', '2027-03-27T20:45', null],
  ['UTC', '2027-03-28T02:30', '2027-03-28T02:30', null],
] as const;

describe('a wall time', () => {
  for (const [zone, typed, instant, change] of TIMES) {
    it(`of ${typed} in ${zone} is ${instant}Z${change ? `, since it is ${change}` : ''}`, () => {
      const time = readZonedTime(typed, zone);
      expect(time?.at.toISOString()).to.equal(`${instant}:00.000Z`);
      expect(time?.change).to.equal(change);
    });
  }

  it('that is skipped moves forward by as much as the clocks', () => {
    expect(readZonedTime('2027-03-14T02:30', 'America/New_York')?.wall).to.equal(
      '2027-03-14T03:30',
    );
    expect(readZonedTime('2027-10-03T02:15', 'Australia/Lord_Howe')?.wall).to.equal(
      '2027-10-03T02:45',
    );
  });

  it('is none when day, time or zone do not exist', () => {
    for (const [typed, zone] of [
      ['2027-02-31T10:00', 'UTC'],
      ['2027-02-28T25:00', 'UTC'],
      ['2027-02-28', 'UTC'],
      ['', 'UTC'],
      ['2027-02-28T10:00', 'Europe/Nowhere'],
    ] as const) {
      expect(readZonedTime(typed, zone), `${typed} ${zone}`).to.equal(null);
    }
  });
});
