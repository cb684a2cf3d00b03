// Shows from when on a process may conclude that another one is silent.
import { expect } from 'chai';
import { TIMING, type Timing } from '../../src/base/timing.ts';
import { createDatabaseContact } from '../../src/queue/database-contact.ts';

const contactWith = (intervals: Partial<Timing>) =>
  createDatabaseContact({ ...TIMING, ...intervals });

describe('the contact with the database', () => {
  it('is not steady before the database has answered', () => {
    const contact = contactWith({ chanceToBeatMs: 0 });
    expect(contact.isSteady()).to.equal(false);
    contact.recordAnswer();
    expect(contact.isSteady()).to.equal(true);
  });

  it('is not steady before every living pool had the time to beat', () => {
    const contact = contactWith({ chanceToBeatMs: 60_000 });
    contact.recordAnswer();
    expect(contact.isSteady()).to.equal(false);
  });

  it('is not steady in an outage, nor does its end count before that time', () => {
    // Any time at all between two answers is an outage here.
    const contact = contactWith({ outageMs: -1, chanceToBeatMs: 0 });
    contact.recordAnswer();
    contact.recordAnswer();
    expect(contact.isSteady()).to.equal(false);
  });
});
