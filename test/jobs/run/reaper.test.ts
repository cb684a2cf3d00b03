// Shows that a job which waits for its time is sent, whatever became of its run.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Database } from '../../../src/base/database.ts';
import { removeIdleQueues } from '../../../src/queue/repair.ts';

import { type Appliance, anAppliance, type Client } from '../../support/appliance.ts';
import { FAST } from '../../support/timing.ts';
import { video } from '../../support/videos.ts';

describe('a job that waits for its time', () => {
  let app: Appliance;
  let db: Database;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'warn' }, FAST);
    db = app.db;
  });
  after(() => app?.[Symbol.asyncDispose]());

  async function aWaitingJob(username: string): Promise<{ client: Client; id: string }> {
    const client = await app.creator(username);
    const { json: media } = await client.upload(await video());
    const scheduleAt = new Date(Date.now() + 3600_000).toISOString();
    const job = client.job(media['storage_key'], { mode: 'schedule', schedule_at: scheduleAt });
    const { json } = await client.api('POST', '/v1/jobs', job);
    for (;;) {
      const now = await client.api('GET', `/v1/jobs/${json['id']}`);
      if (now.json['step'] === 'wait') return { client, id: json['id'] };
      await sleep(100);
    }
  }

  const dueNow = (id: string) => db('jobs').where({ id }).update({ send_at: new Date() });

  it('is sent, whatever became of its run, its queue, or the process that held them', async () => {
    // Its queue is tidied away while the run is being added: no worker would ever take that run.
    const tidied = await aWaitingJob('tidied');
    await db.raw('delete from graphile_worker._private_jobs where key = ?', [`job:${tidied.id}`]);
    const adding = await db.transaction();
    await adding.raw(
      `select graphile_worker.add_job('publish.send', payload := ?::json, queue_name := ?, run_at := now(),
         max_attempts := 32767, job_key := ?)`,
      [
        JSON.stringify({ job_id: tidied.id }),
        `creator:${tidied.client.creatorId}`,
        `job:${tidied.id}`,
      ],
    );
    await db.transaction((trx) => removeIdleQueues(trx));
    await adding('jobs').where({ id: tidied.id }).update({ send_at: new Date() });
    await adding.commit();

    // Its run is held by a pool that died before it was entered among the living.
    const held = await aWaitingJob('held');
    await db.raw(
      `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'pool-unknown', attempts = 1, run_at = now()
        where key = ?`,
      [`job:${held.id}`],
    );
    await dueNow(held.id);

    // Its row is locked by a transaction of a process that was frozen.
    const frozen = await aWaitingJob('frozen');
    const asleep = await db.transaction();
    asleep.on('error', () => {});
    await asleep('jobs').where({ id: frozen.id }).forUpdate();
    await db.raw('update graphile_worker._private_jobs set run_at = now() where key = ?', [
      `job:${frozen.id}`,
    ]);
    await sleep(100);

    expect((await tidied.client.ended(tidied.id))['status']).to.equal('finished');
    expect((await held.client.ended(held.id))['status']).to.equal('finished');
    // Once the database has ended the sleeping transaction, the row is free again.
    const free = await db.transaction((trx) =>
      trx('jobs').where({ id: frozen.id }).forUpdate().first('id'),
    );
    expect(free.id).to.equal(frozen.id);
    await asleep.rollback().catch(() => {});
  });
});
