// Shows from when on a process may conclude that another one is silent.
import { expect } from 'chai';
import { TIMING } from '../../src/base/timing.ts';
import { createDatabaseContact } from '../../src/queue/database-contact.ts';

const { outageMs, chanceToBeatMs } = TIMING;
const BEAT_MS = 1_000;

describe('the contact with the database', () => {
  /** A process and a database whose clocks go on together, unless one of them is set. */
  function aContact() {
    let [ownMs, databaseMs] = [0, 1_800_000_000_000];
    const contact = createDatabaseContact(TIMING, () => ownMs);
    const pass = (ms: number) => {
      ownMs += ms;
      databaseMs += ms;
    };
    const answer = () => contact.recordAnswer(databaseMs);
    const beatFor = (ms: number) => {
      for (let passed = 0; passed < ms; passed += BEAT_MS) {
        pass(BEAT_MS);
        answer();
      }
    };
    return {
      ...{ contact, pass, answer, beatFor, isSteady: () => contact.isSteady(databaseMs) },
      setDatabaseClock: (ms: number) => {
        databaseMs += ms;
      },
    };
  }

  it('is not steady before the database has answered', () => {
    const it = aContact();
    expect(it.isSteady()).to.equal(false);
    expect(it.contact.countSteadyMs()).to.equal(0);
  });

  it('is not steady before every living pool had the time to beat', () => {
    const it = aContact();
    it.answer();
    expect(it.isSteady()).to.equal(false);
    it.beatFor(chanceToBeatMs);
    expect(it.isSteady()).to.equal(true);
    expect(it.contact.countSteadyMs()).to.equal(chanceToBeatMs);
  });

  it('is not steady in an outage, nor does its end count before that time', () => {
    const it = aContact();
    it.answer();
    it.beatFor(chanceToBeatMs);
    it.pass(outageMs + 1);
    expect(it.isSteady()).to.equal(false);
    it.answer();
    expect(it.isSteady()).to.equal(false);
    it.beatFor(chanceToBeatMs);
    expect(it.isSteady()).to.equal(true);
  });

  for (const ms of [60 * 60_000, -60 * 60_000]) {
    it(`is not steady when the database’s clock was set by ${ms / 60_000} minutes`, () => {
      const it = aContact();
      it.answer();
      it.beatFor(chanceToBeatMs);
      it.setDatabaseClock(ms);
      expect(it.isSteady()).to.equal(false);
      it.answer();
      expect(it.isSteady()).to.equal(false);
      it.beatFor(chanceToBeatMs);
      expect(it.isSteady()).to.equal(true);
    });
  }
});
