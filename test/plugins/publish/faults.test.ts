// Shows that every fault of TikTok ends in one post, or in none with a reason.
import { expect } from 'chai';
import pg from 'pg';
import type { Fault } from '../../../scripts/tiktok-sandbox/state.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../../support/appliance.ts';
import { FAST } from '../../support/timing.ts';
import { paddedVideo, video } from '../../support/videos.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('publishing', () => {
  let app: Appliance;
  let number = 0;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'warn' }, FAST);
  });
  after(() => app[Symbol.asyncDispose]());

  const order = (endpoint: string, kind: string, count = 1, openId?: string) =>
    app.sandbox.state.faults.push({ endpoint, kind, count, open_id: openId } as Fault);

  /** Posts as a new creator, so that faults and quotas of one case do not affect another. */
  async function post(
    bytes?: Buffer<ArrayBuffer>,
    more: Json = {},
  ): Promise<{ client: Client; id: string; job(): Promise<Json>; posts(): Json[] }> {
    number += 1;
    const client = await app.creator(`faulty${number}`);
    const openId = app.sandbox.state.accounts.find(
      (each) => each.username === `faulty${number}`,
    )?.open_id;
    const upload = await client.upload(bytes ?? (await video()));
    const { json } = await client.api(
      'POST',
      '/v1/jobs',
      client.job(upload.json['storage_key'], more),
    );
    return {
      client,
      id: json['id'],
      job: () => client.ended(json['id'], 100_000),
      posts: () =>
        app.sandbox.state.publishes.filter(
          (each) => each.open_id === openId && each.status === 'PUBLISH_COMPLETE',
        ) as unknown as Json[],
    };
  }

  const cases: [string, string, string, number, boolean?][] = [
    ['an answer to init that is lost', 'video/init', 'answer_lost', 1],
    ['a 500 at init', 'video/init', 'http_500', 1],
    ['a gateway’s HTML at init', 'video/init', 'html_502', 1],
    ['a gateway’s HTML at upload', 'upload', 'html_502', 1],
    ['an answer to the last chunk that is lost', 'upload', 'answer_lost', 1],
    ['a connection cut in a chunk whose bytes are dropped', 'upload', 'cut_drop', 1, true],
    ['a connection cut in a chunk whose bytes are kept', 'upload', 'cut_keep', 1, true],
    ['an upload address that has expired', 'upload', 'url_expired', 1],
    ['a status answer that is lost', 'status/fetch', 'answer_lost', 1],
    ['a gateway’s HTML at status', 'status/fetch', 'html_502', 2],
    ['an access token that died', 'video/init', 'token_revoked', 1],
    ['a failure inside TikTok’s processing', 'processing', 'fail:internal', 1],
  ];
  for (const [name, endpoint, kind, count, isLarge] of cases) {
    it(`survives ${name}, and posts once`, async () => {
      order(endpoint, kind, count);
      const { job, posts } = await post(isLarge ? await paddedVideo(65_000_000) : undefined);
      const ended = await job();
      expect(ended['status'], JSON.stringify(ended['error'])).to.equal('finished');
      expect(posts()).to.have.length(1);
      expect(app.sandbox.state.faults.every((fault) => fault.count === 0)).to.equal(true);
    });
  }

  const refusals: [string, string][] = [
    ['file_format_check_failed', 'media_rejected'],
    ['spam_risk_user_banned_from_posting', 'tiktok_refused'],
    ['spam_risk_text', 'tiktok_refused'],
    ['auth_removed', 'creator_disconnected'],
  ];
  for (const [reason, code] of refusals) {
    it(`ends as failed with ${code} when TikTok says ${reason}, and keeps TikTok’s word`, async () => {
      order('processing', `fail:${reason}`);
      const { job, posts, client, id } = await post();
      const ended = await job();
      expect(ended['status']).to.equal('failed');
      expect(ended['error']).to.deep.include({ code, tiktok: { code: reason, log_id: null } });
      expect(posts()).to.have.length(0);
      if (reason !== 'spam_risk_text') return;
      // A post that failed for sure may be tried again, and is then posted once.
      await client.api('POST', `/v1/jobs/${id}/retry`);
      expect((await job())['status']).to.equal('finished');
      expect(posts()).to.have.length(1);
    });
  }

  it('fails at once when drafts fill the inbox, for waiting does not help', async () => {
    order('inbox/init', 'refuse:spam_risk_too_many_pending_share');
    const { job } = await post(undefined, { destination: 'inbox' });
    const ended = await job();
    expect(ended['error']['tiktok']['code']).to.equal('spam_risk_too_many_pending_share');
    expect(ended['error']['message']).to.contain('discard');
  });

  it('fails at once when a permission is missing, with TikTok’s word', async () => {
    // creator_info is asked once on connecting, and once before sending.
    order('creator_info', 'refuse:scope_not_authorized', 2);
    const { job } = await post();
    expect((await job())['error']['tiktok']['code']).to.equal('scope_not_authorized');
  });

  it('waits where TikTok takes no more posts today, shows until when and why, and can be cancelled', async () => {
    order('video/init', 'refuse:spam_risk_too_many_posts');
    const { client, id } = await post();
    await until(async () => {
      const { json } = await client.api('GET', `/v1/jobs/${id}/events`);
      return json['data'].some((event: Json) => event['name'] === 'waiting');
    });
    const { json } = await client.api('GET', `/v1/jobs/${id}`);
    expect(json).to.include({ status: 'scheduled', step: 'wait', error: null });
    expect(Date.parse(json['send_at'])).to.be.greaterThan(Date.now() + 3000_000);
    const events = await client.api('GET', `/v1/jobs/${id}/events`);
    const waiting = events.json['data'].find((event: Json) => event['name'] === 'waiting');
    expect(waiting['details']['tiktok']['code']).to.equal('spam_risk_too_many_posts');
    const cancelled = await client.api('POST', `/v1/jobs/${id}/cancellation`);
    expect(cancelled.json['status']).to.equal('cancelled');
  });

  it('is patient with a post that is late by itself: two faults do not end it', async () => {
    const { client, id, posts } = await post(undefined, {
      mode: 'schedule',
      schedule_at: new Date(Date.now() + 3600_000).toISOString(),
    });
    await until(async () => (await client.api('GET', `/v1/jobs/${id}`)).json['step'] === 'wait');
    order('video/init', 'html_502', 2);
    const database = new pg.Client(app.database_url);
    await database.connect();
    await database.query(`update jobs set send_at = now() - interval '25 hours' where id = $1`, [
      id,
    ]);
    await database.query(`update graphile_worker._private_jobs set run_at = now() where key = $1`, [
      `job:${id}`,
    ]);
    await database.end();
    expect((await client.ended(id))['status']).to.equal('finished');
    expect(posts()).to.have.length(1);
  });

  it('never calls failed what may have been posted: without an answer for a day it is unconfirmed', async () => {
    order('processing', 'stuck');
    const { client, id } = await post();
    await until(async () => (await client.api('GET', `/v1/jobs/${id}`)).json['step'] === 'confirm');
    const database = new pg.Client(app.database_url);
    await database.connect();
    await database.query(
      `update publish_attempts set sent_at = now() - interval '25 hours' where job_id = $1`,
      [id],
    );
    await database.query(`update graphile_worker._private_jobs set run_at = now() where key = $1`, [
      `job:${id}`,
    ]);
    await until(
      async () => (await client.api('GET', `/v1/jobs/${id}`)).json['status'] === 'unconfirmed',
    );
    const cancel = await client.api('POST', `/v1/jobs/${id}/cancellation`);
    expect(cancel.json['code']).to.equal('state_conflict');
    const resolved = await client.api('POST', `/v1/jobs/${id}/resolution`, { outcome: 'posted' });
    expect(resolved.json['status']).to.equal('finished');
    await database.end();
  });

  it('refuses an account that must be private, with words that say what to do', async () => {
    const appRecord = app.sandbox.state.apps[0];
    if (appRecord) appRecord.is_audited = false;
    // Otherwise the cap of five users of an unaudited app would refuse.
    app.sandbox.state.settings.caps = false;
    const { job } = await post();
    const ended = await job();
    if (appRecord) appRecord.is_audited = true;
    expect(ended['error']['code']).to.equal('account_must_be_private');
    expect(ended['error']['message']).to.contain('inbox');
  });

  it('never sends a byte to a host that is not allowed', async () => {
    await using closed = await anAppliance({
      LOG_LEVEL: 'warn',
      TIKTOK_UPLOAD_HOSTS: '*.tiktokapis.com',
    });
    const client = await closed.creator();
    const upload = await client.upload(await video());
    const { json } = await client.api('POST', '/v1/jobs', client.job(upload.json['storage_key']));
    const ended = await client.ended(json['id']);
    expect(ended['error']['tiktok']['code']).to.equal('upload_url_not_allowed');
    expect(closed.sandbox.state.publishes.every((each) => each.received_bytes === 0)).to.equal(
      true,
    );
  });
});

const until = (isSo: () => Promise<boolean>) => waitUntil(isSo, 30_000);
