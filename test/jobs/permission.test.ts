// Shows what becomes of posts when TikTok's permission lapses, comes back, or is removed.
import { expect } from 'chai';
import type { Fault } from '../../scripts/tiktok-sandbox/state.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';
import { sendWebhook } from '../support/webhook.ts';

const HOUR_MS = 3600_000;

describe('a post whose permission is gone', () => {
  let app: Appliance;
  let number = 0;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'warn', TIKTOK_STATUS_PER_MINUTE: '600' }, FAST);
    const [tiktok] = app.sandbox.state.apps;
    if (tiktok) tiktok.webhook_url = `${app.url}/webhooks/tiktok`;
  });
  after(() => app?.[Symbol.asyncDispose]());

  const aPerson = () => {
    number += 1;
    return app.creator(`permitted${number}`);
  };
  const openId = ({ username }: Client) =>
    app.sandbox.state.accounts.find((each) => each.username === username)?.open_id as string;
  const jobOf = async (client: Client, id: string) =>
    (await client.api('GET', `/v1/jobs/${id}`)).json;
  const row = (id: string) => app.db('jobs').where({ id }).first();
  const postsOf = (client: Client) =>
    app.sandbox.state.publishes.filter((each) => each.open_id === openId(client));

  async function aPost(client: Client, more: Json = {}): Promise<string> {
    const { json: media } = await client.upload(await video());
    const { json } = await client.api('POST', '/v1/jobs', client.job(media['storage_key'], more));
    return json['id'];
  }

  async function aPlan(client: Client, more: Json = {}): Promise<string> {
    const scheduleAt = new Date(Date.now() + HOUR_MS).toISOString();
    const id = await aPost(client, { mode: 'schedule', schedule_at: scheduleAt, ...more });
    await waitUntil(async () => (await row(id)).state === 'ready');
    return id;
  }

  /** TikTok forgets the permission without a word, and the token must be renewed. */
  async function lapse(client: Client): Promise<void> {
    const { state } = app.sandbox;
    state.grants = state.grants.filter((each) => each.open_id !== openId(client));
    await app
      .db('grants')
      .where({ creator_id: client.creatorId })
      .update({ access_expires_at: new Date() });
  }

  /** Its time has come, and the queue looks at it. */
  async function comeDue(id: string, column: 'send_at' | 'gives_up_at' = 'send_at') {
    await app
      .db('jobs')
      .where({ id })
      .update({ [column]: new Date(Date.now() - 1000) });
    await app.db.raw(
      `select graphile_worker.reschedule_jobs(array_agg(id), run_at := now())
         from graphile_worker._private_jobs where key = ?`,
      [`job:${id}`],
    );
  }

  const isHeld = async (id: string) => (await row(id)).permission_lost_at !== null;

  it('waits when the permission lapses, and goes out only after its creator has agreed again', async () => {
    const client = await aPerson();
    const planned = await aPlan(client, { title: 'The planned one' });
    await lapse(client);
    const due = await aPost(client, { title: 'The due one' });
    await waitUntil(() => isHeld(due));
    for (const id of [planned, due]) {
      const job = await jobOf(client, id);
      expect(job).to.include({ status: 'scheduled', error: null });
      expect(job['waiting']).to.include({ code: 'creator_disconnected', next_try_at: null });
      const days = (Date.parse(job['waiting']['gives_up_at']) - Date.now()) / (24 * HOUR_MS);
      expect(days).to.be.closeTo(7, 0.01);
    }
    const listed = await client.api('GET', '/v1/jobs?status=scheduled');
    expect(listed.json['data']).to.have.length(2);
    expect((await client.page('/jobs/waiting')).text).to.contain('is gone');

    const back = await app.creator(client.username);
    expect(back.creatorId).to.equal(client.creatorId);
    // Both are due, and the queue looks at them; the one that is sent meanwhile is somebody else's.
    for (const id of [planned, due]) await comeDue(id);
    const other = await aPerson();
    expect((await other.ended(await aPost(other)))['status']).to.equal('finished');
    for (const id of [planned, due]) {
      await waitUntil(async () => (await row(id)).run_token === null);
      expect(await jobOf(back, id)).to.include({ status: 'scheduled' });
    }
    expect(postsOf(back)).to.have.length(0);
    expect((await back.page('/jobs')).text).to.contain('Posts wait for you');

    const page = (await back.page('/jobs/waiting')).text;
    for (const text of ['The planned one', 'The due one', 'You had chosen: Everyone'])
      expect(page).to.contain(text);
    const nothing = await back.form('/jobs/waiting', {});
    expect(nothing.status).to.equal(422);
    const unchosen = await back.form('/jobs/waiting', { one: due });
    expect(unchosen.status).to.equal(422);
    expect(await unchosen.text()).to.contain('Choose who can see this video.');
    expect(await isHeld(due)).to.equal(true);

    const chosen = { [`${due}:privacy_level`]: 'SELF_ONLY', [`${due}:allow_comment`]: 'on' };
    const answers = await Promise.all([
      back.form('/jobs/waiting', { one: due, ...chosen }),
      back.form('/jobs/waiting', { one: due, ...chosen }),
    ]);
    expect(answers.some(({ status }) => status === 303)).to.equal(true);
    const ended = await back.ended(due);
    expect(ended['status'], JSON.stringify(ended['error'])).to.equal('finished');
    expect(ended['settings']).to.include({ privacy_level: 'SELF_ONLY', allow_comment: true });
    expect(postsOf(back)).to.have.length(1);
    const consents = await app.db('consents').where({ job_id: due }).orderBy('given_at');
    expect(
      consents.map(({ given_through, voided_at }) => [given_through, voided_at === null]),
    ).to.deep.equal([
      ['api', false],
      ['dashboard', true],
    ]);
    expect(await isHeld(planned)).to.equal(true);
    await back.form('/jobs/waiting', { [`${planned}:privacy_level`]: 'PUBLIC_TO_EVERYONE' });
    const last = await jobOf(back, planned);
    expect(last).to.include({ status: 'scheduled', waiting: null });
    expect(Date.parse(last['send_at'])).to.be.greaterThan(Date.now());
    await comeDue(planned);
    expect((await back.ended(planned))['status']).to.equal('finished');
    expect(postsOf(back)).to.have.length(2);
  });

  it('that TikTok has already is asked about again after the reconnect', async () => {
    const client = await aPerson();
    const fault = { endpoint: 'processing', kind: 'stuck', count: 1, open_id: openId(client) };
    app.sandbox.state.faults.push(fault as Fault);
    const id = await aPost(client);
    await waitUntil(async () => (await row(id)).state === 'sent');
    await lapse(client);
    await waitUntil(async () => (await row(id)).waiting_code === 'creator_disconnected');
    expect(await jobOf(client, id)).to.include({ status: 'running', step: 'confirm' });
    const [publish] = postsOf(client);
    await fetch(`${app.sandbox.url}/sandbox/posts/${publish?.publish_id}/finish`, {
      method: 'POST',
      body: '{}',
    });
    const back = await app.creator(client.username);
    expect((await back.ended(id))['status']).to.equal('finished');
    expect(postsOf(back)).to.have.length(1);
  });

  it('is cancelled when the wait is over, and can be opened again', async () => {
    const client = await aPerson();
    const id = await aPlan(client, { title: 'Words that stay' });
    await lapse(client);
    const first = await aPost(client);
    await waitUntil(() => isHeld(first));
    await app
      .db('media')
      .where({ creator_id: client.creatorId })
      .update({ expires_at: new Date() });
    await comeDue(id, 'gives_up_at');
    expect((await client.ended(id))['status']).to.equal('cancelled');
    const page = (await client.page(`/jobs/${id}`)).text;
    expect(page).to.contain('It was planned for').and.to.contain('did not agree again in time');
    const back = await app.creator(client.username);
    expect((await back.page('/jobs/waiting')).text).to.contain('Cancelled, planned for');
    const again = (await back.page(`/jobs/${id}/again`)).text;
    expect(again).to.contain('Words that stay').and.to.contain('You had chosen: Everyone');
    // The audience stands empty.
    expect(again).to.match(/<option value="" disabled selected>/);
    const { source_key: key } = await row(id);
    const media = await app.db('media').where({ storage_key: key }).first();
    const days = (media.expires_at - Date.now()) / (24 * HOUR_MS);
    expect(days).to.be.closeTo(30, 0.01);
  });

  it('is cancelled at once when the person removed the app, and what came from TikTok goes', async () => {
    const client = await aPerson();
    const posted = await client.ended(await aPost(client));
    expect(posted['post_ids']).to.have.length(1);
    const failed = { endpoint: 'processing', kind: 'fail:spam_risk', count: 1 };
    app.sandbox.state.faults.push({ ...failed, open_id: openId(client) } as Fault);
    const refused = await client.ended(await aPost(client));
    const fault = { endpoint: 'processing', kind: 'stuck', count: 1, open_id: openId(client) };
    app.sandbox.state.faults.push(fault as Fault);
    const underWay = await aPost(client);
    await waitUntil(async () => (await row(underWay)).state === 'sent');
    const plan = await aPlan(client, { title: 'My own words' });
    const told = [posted['publish_id'], posted['post_ids'][0], refused['publish_id']];

    await fetch(`${app.sandbox.url}/sandbox/removals`, {
      method: 'POST',
      body: JSON.stringify({ username: client.username, reason: 1 }),
    });
    await waitUntil(async () => (await row(plan)).state === 'cancelled');
    expect(await jobOf(client, underWay)).to.include({ status: 'unconfirmed', publish_id: null });
    expect(await jobOf(client, posted['id'])).to.deep.include({
      ...{ status: 'finished', publish_id: null, post_ids: [], post_urls: [] },
    });
    expect((await jobOf(client, refused['id']))['error']['tiktok']).to.equal(null);
    const left = JSON.stringify([
      await app.db('jobs').where({ creator_id: client.creatorId }),
      await app.db('publish_attempts').select('*'),
      await app.db('job_events').select('*'),
    ]);
    for (const id of told) expect(left).not.to.contain(id);
    expect(await app.db('publish_attempts').where({ closed_at: null })).to.have.length(0);

    const back = await app.creator(client.username);
    const list = (await back.page('/jobs/waiting')).text;
    expect(list).to.contain('My own words').and.to.contain('Cancelled, planned for');
    expect((await back.page(`/jobs/${plan}/again`)).text).to.contain('My own words');
    expect(await jobOf(back, plan)).to.include({ status: 'cancelled' });
  });

  it('is cancelled also while it waits, when the person removes the app', async () => {
    const client = await aPerson();
    const id = await aPlan(client);
    await lapse(client);
    const due = await aPost(client);
    await waitUntil(() => isHeld(due));
    // TikTok tells it late, after the lapse.
    const told = { reason: 1 };
    expect(await sendWebhook(app.url, openId(client), 'authorization.removed', told)).to.equal(200);
    for (const each of [id, due]) expect((await row(each)).state).to.equal('cancelled');
  });
});
