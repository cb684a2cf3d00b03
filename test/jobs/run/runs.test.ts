// Shows which fetches of a creator count as going on.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Database, openDatabase } from '../../../src/base/database.ts';
import { countOtherFetches } from '../../../src/jobs/run/runs.ts';
import { queueStep } from '../../../src/queue/queue.ts';
import { freshDatabase } from '../../support/database.ts';
import { insertJob } from '../../support/job-row.ts';

describe('the fetches of a creator', () => {
  let db: Database;
  before(async () => {
    db = openDatabase((await freshDatabase()).connection);
  });
  after(() => db?.destroy());

  it('count while a worker holds them, not while they wait to be tried again', async () => {
    const [creator] = await db('creators').insert({ open_id: 'o', plan: 'paid' }).returning('id');
    const aFetch = async () => {
      const job = await insertJob(db, {
        ...{ creator_id: creator.id, kind: 'video', source: 'url', state: 'accepted' },
        ...{ run_token: randomUUID(), progress: 0.5 },
      });
      const step = { step: 'media.fetch', run_at: new Date(), attempts: 8, queueName: null };
      await queueStep(db, { job_id: job.id, ...step });
      return job;
    };
    const [first, second, third] = [await aFetch(), await aFetch(), await aFetch()];
    const runs = () => db('graphile_worker._private_jobs');
    await runs().update({ attempts: 3, last_error: 'fetch_failed' });
    expect(await countOtherFetches(db, third, 2)).to.equal(0);
    const held = { locked_by: 'pool-1', locked_at: new Date() };
    await runs()
      .whereIn('key', [`job:${second.id}`, `job:${third.id}`])
      .update(held);
    expect(await countOtherFetches(db, third, 2)).to.equal(1);
    await runs()
      .where({ key: `job:${first.id}` })
      .update(held);
    expect(await countOtherFetches(db, third, 2)).to.equal(2);
    expect(await countOtherFetches(db, third, 1)).to.equal(1);
  });
});
