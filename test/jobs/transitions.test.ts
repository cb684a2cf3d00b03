// Shows that cancelling waits for a last byte that is about to be sent.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { openDatabase } from '../../src/base/database.ts';
import { cancelAllJobs } from '../../src/jobs/transitions.ts';
import { freshDatabase } from '../support/database.ts';
import { insertJob } from '../support/job-row.ts';

describe('leaving while the last byte is about to be sent', () => {
  it('waits for the mark, and sees the post through', async () => {
    const { url } = await freshDatabase();
    const db = openDatabase({ connectionString: url });
    const job = await insertJob(db, { state: 'sending', source_key: 'k' });
    await db('publish_attempts').insert({ job_id: job.id, number: 1, bytes: 1 });
    // As the ledger commits its mark.
    const mark = await db.transaction();
    await mark('jobs').where({ id: job.id }).forUpdate().first('id');
    await mark('publish_attempts').where({ job_id: job.id }).update({ committed_at: db.fn.now() });
    const cancelling = db.transaction((trx) => cancelAllJobs(trx, job.creator_id));
    await sleep(300);
    await mark.commit();
    expect(await cancelling).to.deep.equal({ cancelled: 0, seen_through: 1 });
    await db.destroy();
  });

  it('closes the attempts of what it cancels, and their sealed addresses go', async () => {
    const { url } = await freshDatabase();
    const db = openDatabase({ connectionString: url });
    const job = await insertJob(db, { state: 'sending', source_key: 'k' });
    const sealed = { publish_id: 'p', upload_url: 'sealed' };
    await db('publish_attempts').insert({ job_id: job.id, number: 1, bytes: 1, ...sealed });
    await db.transaction((trx) => cancelAllJobs(trx, job.creator_id));
    const attempt = await db('publish_attempts').where({ job_id: job.id }).first();
    expect(attempt).to.include({ upload_url: null, outcome: 'cancelled' });
    expect(attempt.closed_at).to.be.instanceOf(Date);
    await db.destroy();
  });
});
