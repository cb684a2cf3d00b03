// Shows which totals are kept, and that they are right after late or repeated runs.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { openDatabase } from '../../src/base/database.ts';
import { keepTotals } from '../../src/records/statistics/store.ts';
import { freshDatabase } from '../support/database.ts';

const NOW = new Date('2026-07-02T01:00:00Z');
const MIN = 3;

describe('statistics', () => {
  let db: Knex;
  let creators: string[];
  beforeEach(async () => {
    db = openDatabase((await freshDatabase()).connection);
    creators = [];
    for (let n = 0; n < 4; n += 1) {
      const [row] = await db('creators')
        .insert({ open_id: `open-${randomUUID()}`, plan: 'paid' })
        .returning('id');
      creators.push(row.id);
    }
  });
  afterEach(() => db.destroy());

  /** Makes a post for each of the first creators that ended at this time, with 100 bytes sent. */
  async function posts(count: number, at: string, state = 'finished'): Promise<string[]> {
    const ids: string[] = [];
    for (const creatorId of creators.slice(0, count)) {
      const [job] = await db('jobs')
        .insert({
          ...{
            creator_id: creatorId,
            state,
            mode: 'now',
            title: 'x',
            destination: 'direct',
            settings: '{}',
          },
          ...{ source_key: 'none', send_at: at, finished_at: at },
        })
        .returning('id');
      await db('publish_attempts').insert({
        ...{ job_id: job.id, number: 1, bytes: 100, bytes_acknowledged: 100 },
        closed_at: at,
      });
      ids.push(job.id);
    }
    return ids;
  }

  async function kept(): Promise<string[]> {
    const { rows } = await db.raw(
      `select period || ' ' || starts_on || ': ' || posts || ' ' || failed || ' ' || bytes as line
         from statistics order by starts_on, period`,
    );
    return rows.map(({ line }: { line: string }) => line);
  }

  it('keep the totals of a day where enough people contributed, in UTC', async () => {
    await posts(3, '2026-07-01T00:00:00Z');
    await posts(2, '2026-07-01T23:59:59.999Z', 'failed');
    await posts(4, '2026-07-02T00:00:00Z');
    await keepTotals(db, MIN, NOW);
    expect(await kept()).to.deep.equal(['day 2026-07-01: 3 2 500']);
  });

  it('count people, not posts', async () => {
    for (let n = 0; n < 5; n += 1) await posts(2, '2026-07-01T12:00:00Z');
    await keepTotals(db, MIN, NOW);
    expect(await kept()).to.deep.equal([]);
  });

  it('fold days with too few people into their month once it is over, and the rest is dropped', async () => {
    await posts(4, '2026-06-10T12:00:00Z');
    await posts(2, '2026-06-11T12:00:00Z');
    creators.reverse();
    await posts(2, '2026-06-12T12:00:00Z', 'failed');
    await posts(2, '2026-07-01T12:00:00Z');
    await keepTotals(db, MIN, new Date('2026-06-30T01:00:00Z'));
    expect(await kept()).to.deep.equal(['day 2026-06-10: 4 0 400']);
    await keepTotals(db, MIN, NOW);
    const month = 'month 2026-06-01: 2 2 400';
    expect(await kept()).to.deep.equal([month, 'day 2026-06-10: 4 0 400']);
    await posts(2, '2026-06-20T12:00:00Z');
    await keepTotals(db, 2, NOW);
    expect(await kept(), 'a day of a folded month').to.deep.equal([
      month,
      'day 2026-06-10: 4 0 400',
      'day 2026-07-01: 2 0 200',
    ]);
  });

  it('keep no month either where too few contributed', async () => {
    await posts(2, '2026-06-11T12:00:00Z');
    await posts(2, '2026-06-12T12:00:00Z');
    await keepTotals(db, MIN, NOW);
    expect(await kept()).to.deep.equal([]);
  });

  it('make up for missed days, of forty days at least and not without end', async () => {
    await posts(3, '2026-05-24T12:00:00Z');
    await posts(3, '2026-06-30T12:00:00Z');
    await posts(3, '2026-03-01T12:00:00Z');
    await keepTotals(db, MIN, NOW);
    const lines = ['day 2026-05-24: 3 0 300', 'day 2026-06-30: 3 0 300'];
    expect(await kept()).to.deep.equal(lines);
    await keepTotals(db, MIN, NOW);
    expect(await kept(), 'run again').to.deep.equal(lines);
  });

  it('count a post that ends late on that day alone', async () => {
    const ids = await posts(3, '2026-06-30T12:00:00Z', 'unconfirmed');
    await db('publish_attempts').update({ closed_at: null });
    await keepTotals(db, MIN, new Date('2026-07-01T01:00:00Z'));
    expect(await kept()).to.deep.equal([]);
    const late = '2026-07-01T15:00:00Z';
    await db('jobs').whereIn('id', ids).update({ state: 'finished', finished_at: late });
    await db('publish_attempts').update({ closed_at: late });
    await keepTotals(db, MIN, NOW);
    await keepTotals(db, MIN, new Date('2026-07-03T01:00:00Z'));
    expect(await kept()).to.deep.equal(['day 2026-07-01: 3 0 300']);
  });

  it('stay when the people go', async () => {
    await posts(3, '2026-07-01T12:00:00Z');
    await keepTotals(db, MIN, NOW);
    await db('creators').delete();
    await keepTotals(db, MIN, NOW);
    expect(await kept()).to.deep.equal(['day 2026-07-01: 3 0 300']);
  });
});
