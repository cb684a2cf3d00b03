// Shows that a process knows the database's time, whatever its own clock says.
import { expect } from 'chai';
import {
  databaseNow,
  followDatabaseTime,
  isClockSkewed,
  readDatabaseTime,
} from '../../src/base/database-time.ts';
import { MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { shiftClock } from '../support/wrong-clock.ts';

describe('the database’s time', () => {
  let own: OwnContext;
  before(async () => {
    own = await anOwnContext();
  });
  after(async () => {
    // What this process knows outlives the file.
    await follow();
    await own?.[Symbol.asyncDispose]();
  });
  const follow = async () => (await followDatabaseTime(own.ctx.db, own.ctx.log)).stop();

  for (const ms of [-10 * MINUTE_MS, 10 * MINUTE_MS]) {
    it(`is known to a machine that is ${ms / MINUTE_MS} minutes wrong, and never ahead`, async () => {
      using _ = shiftClock(ms);
      await follow();
      const before = await readDatabaseTime(own.ctx.db);
      const known = databaseNow();
      const after = await readDatabaseTime(own.ctx.db);
      expect(known.getTime()).to.be.within(before.getTime() - 2 * SECOND_MS, after.getTime());
      expect(isClockSkewed()).to.equal(true);
    });
  }

  it('goes on when the machine’s clock is set', async () => {
    await follow();
    expect(isClockSkewed()).to.equal(false);
    const before = databaseNow();
    using _ = shiftClock(-10 * MINUTE_MS);
    expect(databaseNow().getTime()).to.be.within(before.getTime(), before.getTime() + MINUTE_MS);
  });

  it('is that of the moment, also within a transaction', async () => {
    await own.ctx.db.transaction(async (trx) => {
      const first = await readDatabaseTime(trx);
      await trx.raw('select pg_sleep(0.01)');
      expect(await readDatabaseTime(trx)).to.be.greaterThan(first);
    });
  });
});
