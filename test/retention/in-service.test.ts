// Shows what an appliance removes or records of its own accord while it serves.
import { expect } from 'chai';
import type { Knex } from 'knex';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ago, DAY, HOUR } from './kept.ts';

describe('retention in service', () => {
  let app: Appliance;
  let creator: Client;
  let db: Knex;
  before(async () => {
    app = await anAppliance();
    creator = await app.creator();
    db = app.db;
  });
  after(() => app?.[Symbol.asyncDispose]());

  async function convertedPost(more = {}): Promise<{ id: string; upload: string }> {
    const bytes = await video({ extension: 'avi', options: ['-c:v', 'mpeg4', '-c:a', 'mp3'] });
    const { json } = await creator.upload(bytes, 'video/x-msvideo');
    const upload = json['storage_key'];
    const accepted = await creator.api('POST', '/v1/jobs', creator.job(upload, more));
    return { id: accepted.json['id'], upload };
  }

  it('lets go of a converted copy as soon as its post is made, and keeps the upload', async () => {
    const { id, upload } = await convertedPost();
    expect((await creator.ended(id))['status']).to.equal('finished');
    await waitUntil(async () => (await db('media').where({ purpose: 'working' })).length === 0);
    expect(await db('media').pluck('storage_key')).to.deep.equal([upload]);
    expect(await db('sweeps').first()).to.include({ what: 'working_copies', removed: 1 });
  });

  it('lets go of it as soon as its post is cancelled', async () => {
    const scheduleAt = new Date(Date.now() + HOUR).toISOString();
    const { id } = await convertedPost({ mode: 'schedule', schedule_at: scheduleAt });
    await waitUntil(async () => (await db('jobs').where({ id, state: 'ready' })).length === 1);
    expect(await db('media').where({ purpose: 'working' })).to.have.length(1);
    await creator.api('POST', `/v1/jobs/${id}/cancellation`);
    await waitUntil(async () => (await db('media').where({ purpose: 'working' })).length === 0);
    expect((await db('jobs').where({ id }).first()).state).to.equal('cancelled');
  });

  it('notes a visit or a request, to the day', async () => {
    const { creatorId } = creator;
    const today = new Date(new Date().toISOString().slice(0, 10));
    for (const visit of [() => creator.api('GET', '/v1/jobs'), () => creator.page('/media')]) {
      await db('creators')
        .where({ id: creatorId })
        .update({ last_seen_at: ago(50 * DAY) });
      await visit();
      const { last_seen_at } = await db('creators').where({ id: creatorId }).first();
      expect(last_seen_at.toISOString()).to.equal(today.toISOString());
    }
  });

  it('answers key_expired for thirty days', async () => {
    await db('api_keys').update({ expires_at: ago(29 * DAY) });
    await db.raw("select graphile_worker.add_job('retention.sweep')");
    const noneWaits = async () =>
      (await db('graphile_worker.jobs').where({ task_identifier: 'retention.sweep' })).length === 0;
    await waitUntil(noneWaits);
    expect((await creator.api('GET', '/v1/jobs')).json['code']).to.equal('key_expired');
    await db('api_keys').update({ expires_at: ago(31 * DAY) });
    await db.raw("select graphile_worker.add_job('retention.sweep')");
    await waitUntil(noneWaits);
    expect((await creator.api('GET', '/v1/jobs')).json['code']).to.equal('unauthorized');
  });
});
