// Shows that nothing is posted again by a database that lacks what was posted.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDatabase } from '../../src/base/database.ts';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a database that lost what was posted', () => {
  let app: Appliance;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'warn' }, FAST);
  });
  after(() => app?.[Symbol.asyncDispose]());

  const posts = () =>
    app.sandbox.state.publishes.filter(({ status }) => status === 'PUBLISH_COMPLETE').length;
  const shown = async (client: Client, id: string) =>
    (await client.api('GET', `/v1/jobs/${id}`)).json;

  async function schedule(client: Client, inMs: number): Promise<string> {
    const upload = await client.upload(await video());
    const scheduleAt = new Date(Date.now() + inMs).toISOString();
    const more = { mode: 'schedule', schedule_at: scheduleAt };
    const body = client.job(upload.json['storage_key'], more);
    const { json } = await client.api('POST', '/v1/jobs', body);
    await waitUntil(async () => (await shown(client, json['id']))['step'] === 'wait');
    return json['id'];
  }

  it('could be noticed before the last byte of any post: without the storage’s word none goes out', async () => {
    const client = await app.creator('held');
    const upload = await client.upload(await video());
    const folder = join(app.data_dir, 'media/database');
    renameSync(folder, `${folder}-away`);
    writeFileSync(folder, 'no folder');
    const body = client.job(upload.json['storage_key']);
    const { json } = await client.api('POST', '/v1/jobs', body);
    const attempt = () => app.db('publish_attempts').where({ job_id: json['id'] }).first();
    await waitUntil(async () => (await attempt())?.committed_at, 60_000);
    await waitUntil(() => app.output().includes('step.fault'), 60_000);
    expect(app.sandbox.state.publishes.map(({ received_bytes }) => received_bytes)).to.deep.equal([
      0,
    ]);
    rmSync(folder);
    renameSync(`${folder}-away`, folder);
    expect(await client.ended(json['id'])).to.include({ status: 'finished' });
    app.sandbox.state.publishes.length = 0;
  });

  it('posts nothing again after a replica that lagged took over, and asks the creator', async () => {
    const client = await app.creator('lagging');
    const upload = await client.upload(await video());
    const { json } = await client.api('POST', '/v1/jobs', client.job(upload.json['storage_key']));
    const id = json['id'];
    expect(await client.ended(id)).to.include({ status: 'finished' });
    expect(posts()).to.equal(1);
    // The mark, and all that was committed with it and since, is gone.
    await app.db.transaction(async (trx) => {
      await trx.raw('update database_position set number = number - 1');
      await trx('publish_attempts').where({ job_id: id }).delete();
      await trx('jobs')
        .where({ id })
        .update({
          ...{ state: 'ready', publish_id: null, finished_at: null },
          updated_at: trx.raw(`now() - interval '1 minute'`),
        });
    });
    await waitUntil(async () => (await shown(client, id))['status'] !== 'running', 60_000);
    const job = await shown(client, id);
    expect(job).to.include({ status: 'unconfirmed' });
    expect(job['error']['message']).to.contain('It may be on your profile');
    expect(posts()).to.equal(1);
    expect(app.output()).to.contain('database.settled');
    const resolved = await client.api('POST', `/v1/jobs/${id}/resolution`, { outcome: 'posted' });
    expect(resolved.json).to.include({ status: 'finished' });
    // What is accepted from now on goes out.
    const { json: next } = await client.api(
      'POST',
      '/v1/jobs',
      client.job(upload.json['storage_key']),
    );
    expect(await client.ended(next['id'])).to.include({ status: 'finished' });
  });

  it('posts nothing again from a snapshot of it, not even what was moved earlier since', async () => {
    const client = await app.creator('snapshot');
    const id = await schedule(client, 3_600_000);
    const cancelled = await schedule(client, 3_600_000);
    await app.stop();
    const name = new URL(app.database_url).pathname.slice(1);
    await app.db.destroy();
    const server = openDatabase({ connectionString: app.database_url.replace(name, 'postgres') });
    await server.raw(`create database ${name}_snapshot template ${name}`);
    await server.destroy();
    await app.start();
    const before = posts();
    const scheduleAt = new Date(Date.now() + 1_000).toISOString();
    await client.api('PATCH', `/v1/jobs/${id}`, { schedule_at: scheduleAt });
    expect(await client.ended(id)).to.include({ status: 'finished' });
    await client.api('POST', `/v1/jobs/${cancelled}/cancellation`);
    expect(posts()).to.equal(before + 1);
    await app.kill();

    const url = app.database_url.replace(name, `${name}_snapshot`);
    const snapshot = openDatabase({ connectionString: url });
    // Its time in the snapshot comes.
    await snapshot('jobs').update({ send_at: snapshot.fn.now() }).whereIn('id', [id, cancelled]);
    await snapshot.raw('update graphile_worker._private_jobs set run_at = now()');
    await app.start({ DATABASE_URL: url });
    for (const each of [id, cancelled]) {
      await waitUntil(async () => (await shown(client, each))['finished_at'] !== null, 60_000);
      expect(await shown(client, each)).to.include({ status: 'unconfirmed' });
    }
    expect(posts()).to.equal(before + 1);
    await snapshot.destroy();
  });
});
