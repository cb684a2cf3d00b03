// Shows when a database is found not to be as it was left.
import { expect } from 'chai';
import type { Database } from '../../src/base/database.ts';
import { openDatabase } from '../../src/base/database.ts';
import { createContinuity } from '../../src/continuity/continuity.ts';
import { findMarkers, putMarker } from '../../src/continuity/markers.ts';
import { readNumber, setNumber } from '../../src/continuity/position.ts';
import { readServer } from '../../src/continuity/server.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { freshDatabase } from '../support/database.ts';

describe('a database and what the storage knows of it', () => {
  let own: OwnContext;
  const others: Database[] = [];
  beforeEach(async () => {
    own = await anOwnContext();
  });
  afterEach(() => own[Symbol.asyncDispose]());
  after(() => Promise.all(others.map((db) => db.destroy())));

  const refusal = () =>
    own.ctx.continuity.secure().then(
      () => 'sent',
      ({ name }) => name,
    );
  const known = async () => {
    const found = await findMarkers(own.ctx.storage);
    if (!found) throw new Error('Expected a marker');
    return found.newest;
  };

  it('are in order at the first start, and after each mark', async () => {
    const { continuity, db, storage } = own.ctx;
    expect(await continuity.findBreak()).to.equal(null);
    await continuity.secure();
    await continuity.secure();
    const { number, identity, timeline, position } = await known();
    expect(number).to.equal(await readNumber(db));
    expect(identity).to.match(/^\d+\/\d+$/);
    expect(timeline).to.equal(1);
    expect(position).to.match(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect((await findMarkers(storage))?.others).to.deep.equal([]);
    expect(await continuity.findBreak()).to.equal(null);
  });

  it('take many marks at once with few writes, each of which comes after its mark', async () => {
    const { continuity, db } = own.ctx;
    await Promise.all(Array.from({ length: 50 }, () => continuity.secure()));
    expect(await readNumber(db)).to.be.within(1, 3);
  });

  it('are written by several processes, and the highest counts', async () => {
    const { continuity, db, storage } = own.ctx;
    const second = createContinuity({ db, storage });
    const marks = Array.from({ length: 20 }, (_, n) => (n % 2 ? continuity : second).secure());
    await Promise.all(marks);
    expect((await known()).number).to.equal(await readNumber(db));
    // One that was written late, and is lower.
    await putMarker(storage, { ...(await known()), number: 1 });
    expect(await continuity.findBreak()).to.equal(null);
    await setNumber(db, 1);
    expect(await continuity.findBreak()).to.equal('behind');
  });

  it('differ when a mark is missing: nothing is sent, and the number is not raised past it', async () => {
    const { continuity, db } = own.ctx;
    await continuity.secure();
    await continuity.secure();
    await setNumber(db, 1);
    expect(await continuity.findBreak()).to.equal('behind');
    expect([await refusal(), await refusal()]).to.deep.equal(['DatabaseBroken', 'DatabaseBroken']);
    expect(await readNumber(db)).to.equal(1);
    expect(continuity.isDue(0)).to.equal(true);
    await db.transaction((trx) => continuity.adopt(trx));
    expect(await continuity.findBreak()).to.equal(null);
    expect(await refusal()).to.equal('sent');
  });

  it('differ when it is another database, even one that is as far', async () => {
    await own.ctx.continuity.secure();
    const { url } = await freshDatabase();
    const db = openDatabase({ connectionString: url });
    others.push(db);
    await setNumber(db, 99);
    const elsewhere = createContinuity({ db, storage: own.ctx.storage });
    expect(await elsewhere.findBreak()).to.equal('another_database');
  });

  it('differ when log or timeline are behind, and not on a new timeline that is not', async () => {
    const { continuity, storage } = own.ctx;
    await continuity.secure();
    const marker = await known();
    const cases = [
      [{ position: 'FFFFFFFF/0' }, 'behind'],
      [{ timeline: 2 }, 'behind'],
      [{ timeline: 0 }, null],
      [{ timeline: 0, position: 'FFFFFFFF/0' }, 'behind'],
      [{ identity: '1/1' }, 'another_database'],
      [{ identity: null, timeline: null, position: null }, null],
    ] as const;
    for (const [change, expected] of cases) {
      await putMarker(storage, { ...marker, ...change });
      expect(await continuity.findBreak(), JSON.stringify(change)).to.equal(expected);
    }
  });

  it('are compared by the number alone where the role may read nothing else', async () => {
    const { db, storage } = own.ctx;
    const role = `narrow_${Date.now()}`;
    await db.raw(`create role ${role} login`);
    await db.raw(`grant select, insert, update on database_position to ${role}`);
    for (const name of [
      'pg_control_system()',
      'pg_walfile_name(pg_lsn)',
      'pg_current_wal_flush_lsn()',
    ])
      await db.raw(`revoke execute on function ${name} from public`);
    const url = new URL(own.database_url);
    url.username = role;
    const narrow = openDatabase({ connectionString: url.href });
    try {
      const nothing = { identity: null, timeline: null, position: null };
      expect(await readServer(narrow)).to.deep.equal(nothing);
      const continuity = createContinuity({ db: narrow, storage });
      await continuity.secure();
      await continuity.secure();
      expect(await continuity.findBreak()).to.equal(null);
      await setNumber(db, 1);
      expect(await continuity.findBreak()).to.equal('behind');
    } finally {
      await narrow.destroy();
      await db.raw(`drop owned by ${role}`);
      await db.raw(`drop role ${role}`);
    }
  });
});
