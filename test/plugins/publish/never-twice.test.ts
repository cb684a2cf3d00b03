// Shows that nobody is told "nothing was posted" of what TikTok may have, and that nothing is opened twice.
import { expect } from 'chai';
import { finish } from '../../../scripts/tiktok-sandbox/processing.ts';
import type { Fault, Publish } from '../../../scripts/tiktok-sandbox/state.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../../support/appliance.ts';
import { FAST } from '../../support/timing.ts';
import { video } from '../../support/videos.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { sendWebhook } from '../../support/webhook.ts';

describe('a post that TikTok may have', () => {
  let app: Appliance;
  let number = 0;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'warn', TIKTOK_STATUS_PER_MINUTE: '600' }, FAST);
    app.sandbox.state.settings.statuses_per_minute = 600;
  });
  after(() => app[Symbol.asyncDispose]());
  afterEach(() => {
    app.sandbox.state.faults.length = 0;
  });

  const order = (endpoint: string, kind: string, count = 1) =>
    app.sandbox.state.faults.push({ endpoint, kind, count } as Fault);

  interface Post {
    client: Client;
    id: string;
    openId: string;
    job(): Promise<Json>;
    /** All that came to be at TikTok, whatever its state. */
    publishes(): Publish[];
    attempts(): Promise<Json[]>;
    /** The creator's word, or a retry. */
    say(what: 'posted' | 'not_posted' | 'retry'): Promise<{ status: number; json: Json }>;
  }

  async function post(): Promise<Post> {
    number += 1;
    const client = await app.creator(`twice${number}`);
    const account = app.sandbox.state.accounts.find(({ username }) => username === client.username);
    const openId = account?.open_id as string;
    const upload = await client.upload(await video());
    const { json } = await client.api('POST', '/v1/jobs', client.job(upload.json['storage_key']));
    const { id } = json;
    return {
      ...{ client, id, openId },
      job: async () => (await client.api('GET', `/v1/jobs/${id}`)).json,
      publishes: () => app.sandbox.state.publishes.filter((each) => each.open_id === openId),
      attempts: () => app.db('publish_attempts').where({ job_id: id }).orderBy('number'),
      say: (what) =>
        what === 'retry'
          ? client.api('POST', `/v1/jobs/${id}/retry`)
          : client.api('POST', `/v1/jobs/${id}/resolution`, { outcome: what }),
    };
  }

  const wake = (id: string) =>
    app.db.raw('update graphile_worker._private_jobs set run_at = now() where key = ?', [
      `job:${id}`,
    ]);
  const reaches = ({ job }: Post, status: string) =>
    waitUntil(async () => (await job())['status'] === status, 60_000);
  const sent = (of: Post) => waitUntil(() => of.publishes()[0]?.sent_at != null, 60_000);
  const posted = (of: Post) =>
    of.publishes().filter(({ status }) => status === 'PUBLISH_COMPLETE').length;

  /** TikTok says nothing about it for a day. */
  async function unconfirmed(): Promise<Post> {
    order('processing', 'stuck');
    const of = await post();
    await waitUntil(async () => (await of.job())['step'] === 'confirm', 60_000);
    await app
      .db('publish_attempts')
      .where({ job_id: of.id })
      .update({ sent_at: app.db.raw(`now() - interval '25 hours'`) });
    await wake(of.id);
    await reaches(of, 'unconfirmed');
    return of;
  }

  it('is not said to be posted nowhere when TikTok cannot be reached, and is found by asking', async () => {
    order('upload', 'answer_lost');
    order('status/fetch', 'http_500', 10_000);
    const of = await post();
    await sent(of);
    // As after a day of faults; a run that ends just now writes its own count over this one.
    await waitUntil(async () => {
      await app.db('jobs').where({ id: of.id }).update({ faults: 290 });
      await wake(of.id);
      return (await of.job())['status'] === 'unconfirmed';
    }, 60_000);
    const { message } = (await of.job())['error'];
    expect(message).to.not.match(/nothing was posted/i);
    expect(message).to.contain('It may be on your profile');
    expect((await of.client.page(`/jobs/${of.id}`)).text).to.not.match(/nothing was posted/i);
    // Nobody's word is taken while TikTok cannot be asked.
    const silent = await of.say('not_posted');
    expect(silent).to.deep.include({ status: 503 });
    expect(silent.json['code']).to.equal('unavailable');
    expect((await of.job())['status']).to.equal('unconfirmed');
    app.sandbox.state.faults.length = 0;
    await waitUntil(() => posted(of) === 1);
    const asked = await of.say('not_posted');
    expect(asked.json).to.include({ code: 'state_conflict' });
    expect(asked.json['detail']).to.contain('TikTok says that this post was made');
    const job = await of.job();
    expect(job).to.include({ status: 'finished', error: null });
    expect(job['publish_id']).to.equal(of.publishes()[0]?.publish_id);
    expect((await of.say('retry')).json['code']).to.equal('state_conflict');
    expect(posted(of)).to.equal(1);
  });

  it('is not given up on the creator’s word while TikTok processes it', async () => {
    const of = await unconfirmed();
    const [publish] = of.publishes();
    const refused = await of.say('not_posted');
    expect(refused.json).to.include({ code: 'state_conflict' });
    expect(refused.json['detail']).to.contain('still processing');
    expect((await of.job())['status']).to.equal('unconfirmed');
    finish(app.sandbox.state, publish as Publish, 'internal');
    expect((await of.say('not_posted')).json['status']).to.equal('failed');
    expect((await of.say('retry')).status).to.equal(202);
    await reaches(of, 'finished');
    expect(posted(of)).to.equal(1);
  });

  it('may be given up when TikTok does not know it', async () => {
    const of = await unconfirmed();
    const { publishes } = app.sandbox.state;
    publishes.splice(publishes.indexOf(of.publishes()[0] as Publish), 1);
    expect((await of.say('not_posted')).json['status']).to.equal('failed');
  });

  /** The creator said that it was not posted, when TikTok seemed to lack bytes of a dead address. */
  async function givenUp(): Promise<Post> {
    const of = await unconfirmed();
    await app
      .db('publish_attempts')
      .where({ job_id: of.id })
      .update({ opened_at: app.db.raw(`now() - interval '2 hours'`) });
    order('status/fetch', 'bytes_lag');
    expect((await of.say('not_posted')).json['status']).to.equal('failed');
    return of;
  }

  it('is not sent again when TikTok has it by the time of the retry', async () => {
    const of = await givenUp();
    finish(app.sandbox.state, of.publishes()[0] as Publish, null);
    const refused = await of.say('retry');
    expect(refused.json).to.include({ code: 'state_conflict' });
    expect((await of.job())['status']).to.equal('finished');
    expect(of.publishes()).to.have.length(1);
  });

  it('is asked for again before a retry opens another upload', async () => {
    const of = await givenUp();
    order('status/fetch', 'bytes_lag');
    expect((await of.say('retry')).status).to.equal(202);
    await waitUntil(async () => (await of.job())['step'] === 'confirm', 60_000);
    expect(of.publishes()).to.have.length(1);
    finish(app.sandbox.state, of.publishes()[0] as Publish, null);
    await reaches(of, 'finished');
    expect(posted(of)).to.equal(1);
  });

  it('stops a retry that has no mark yet, when TikTok’s webhook tells of it', async () => {
    const of = await givenUp();
    await app
      .db('jobs')
      .where({ id: of.id })
      .update({ send_at: app.db.raw(`now() + interval '1 hour'`) });
    order('status/fetch', 'bytes_lag');
    expect((await of.say('retry')).json['status']).to.equal('scheduled');
    const [publish] = of.publishes() as [Publish];
    finish(app.sandbox.state, publish, null);
    const content = { publish_id: publish.publish_id, publish_type: 'DIRECT_PUBLISH' };
    const status = await sendWebhook(app.url, of.openId, 'post.publish.complete', content);
    expect(status).to.equal(200);
    await reaches(of, 'finished');
    expect((await of.attempts()).map(({ outcome }) => outcome)).to.deep.equal(['PUBLISH_COMPLETE']);
    expect(posted(of)).to.equal(1);
  });

  it('is not opened again when its address is unknown and TikTok’s count of bytes lags', async () => {
    order('upload', 'answer_lost');
    order('processing', 'stuck');
    order('status/fetch', 'bytes_lag', 10_000);
    const of = await post();
    await sent(of);
    await app
      .db('publish_attempts')
      .where({ job_id: of.id })
      .update({ opened_at: app.db.raw(`now() - interval '62 minutes'`) });
    await waitUntil(async () => {
      await wake(of.id);
      return (await of.job())['step'] === 'confirm' || of.publishes().length > 1;
    }, 60_000);
    const [attempt, ...others] = await of.attempts();
    expect(others).to.deep.equal([]);
    expect(attempt?.['answered_404_at']).to.be.instanceOf(Date);
    // Nor on the creator's word, since the count of bytes still lags.
    finish(app.sandbox.state, of.publishes()[0] as Publish, null);
    await reaches(of, 'finished');
    expect(posted(of)).to.equal(1);
  });

  it('is opened again when its address says that it has expired, and bytes are missing', async () => {
    order('upload', 'cut_drop');
    order('upload', 'url_expired', 2);
    const of = await post();
    await waitUntil(async () => (await of.attempts())[0]?.['committed_at'], 60_000);
    await app
      .db('publish_attempts')
      .where({ job_id: of.id })
      .update({ opened_at: app.db.raw(`now() - interval '62 minutes'`) });
    await wake(of.id);
    await reaches(of, 'finished');
    const outcomes = (await of.attempts()).map(({ outcome }) => outcome);
    expect(outcomes.at(0)).to.equal('lapsed');
    expect(outcomes.at(-1)).to.equal('PUBLISH_COMPLETE');
    expect(posted(of)).to.equal(1);
  });
});
