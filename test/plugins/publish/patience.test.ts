// Shows that refusals which ask for patience use up no attempt, and that a job has one clock for all.
import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import publish from '../../../plugins/publish/plugin.ts';
import { createAccount } from '../../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../../scripts/tiktok-sandbox/sandbox.ts';
import type { Fault, Publish } from '../../../scripts/tiktok-sandbox/state.ts';
import { randomToken } from '../../../src/base/secrets.ts';
import type { Context } from '../../../src/context/context.ts';
import { runStep } from '../../../src/jobs/run/run.ts';
import { jobView } from '../../../src/jobs/view.ts';
import { aCreator } from '../../support/a-creator.ts';
import { anOwnContext, type OwnContext } from '../../support/context.ts';

describe('patience', () => {
  let ctx: Context;
  let sandbox: Sandbox;
  let own: OwnContext;
  let people = 0;
  before(async () => {
    sandbox = await startSandbox();
    own = await anOwnContext({ tiktok_url: sandbox.url });
    ctx = own.ctx;
  });
  after(async () => {
    await own?.[Symbol.asyncDispose]();
    await sandbox?.close();
  });

  async function aJob(kind: 'video' | 'photo', more: Record<string, unknown> = {}) {
    people += 1;
    const account = createAccount(`patient.${people}`, `Patient ${people}`);
    sandbox.state.accounts.push(account);
    const { id: creatorId } = await aCreator(ctx, sandbox, account);
    const key = randomToken(190);
    const stored = await ctx.storage.write(key, Readable.from([randomBytes(1000)]));
    const expiresAt = new Date(Date.now() + 1e8);
    await ctx.db('media').insert({
      ...{ storage_key: key, creator_id: creatorId, purpose: 'upload', ...stored, facts: '{}' },
      ...{ content_type: kind === 'video' ? 'video/mp4' : 'image/jpeg', expires_at: expiresAt },
    });
    const [{ id }] = await ctx
      .db('jobs')
      .insert({
        ...{ creator_id: creatorId, state: 'ready', mode: 'now', title: 'Patient', kind },
        ...{ destination: 'direct', settings: { privacy_level: 'SELF_ONLY' } },
        send_at: new Date(Date.now() - 1000),
        ...(kind === 'video' ? { source_key: key, output_key: key, output_type: 'video/mp4' } : {}),
        ...more,
      })
      .returning('id');
    const photo = { position: 0, source_key: key, output_key: key, output_type: 'image/jpeg' };
    if (kind === 'photo') await ctx.db('job_photos').insert({ job_id: id, ...photo });
    return { id: id as string, open_id: account.open_id, creatorId };
  }

  const order = (endpoint: string, kind: string, count = 1) =>
    sandbox.state.faults.push({ endpoint, kind, count, open_id: undefined } as Fault);
  const job = (id: string) => ctx.db('jobs').where({ id }).first();

  /** Makes the job's waits longer ago, as if the time had passed. */
  const later = (id: string, hours: number) =>
    ctx.db.raw(
      `update jobs set send_at = now() - interval '1 s',
         waiting_since = waiting_since - ? * interval '1 hour',
         gives_up_at = gives_up_at - ? * interval '1 hour' where id = ?`,
      [hours, hours, id],
    );

  /** One run of a step, in a minute of its own. */
  async function run(id: string, name: 'send' | 'confirm' = 'send') {
    await ctx.db('tiktok_calls').delete();
    await ctx
      .db('jobs')
      .where({ id, state: 'ready' })
      .update({ send_at: new Date(Date.now() - 9) });
    const never = new AbortController().signal;
    const control = { stopping: never, aborted: never, isLastAttempt: false };
    const step = publish.steps[name];
    await runStep(ctx, { name: `publish.${name}`, step, settings: {} }, id, control);
    return job(id);
  }

  const refusals: [string, string, string][] = [
    ['http_429', 'tiktok_rate', 'rate_limited'],
    ['refuse:spam_risk_too_many_posts', 'tiktok_daily_cap', 'daily_limit'],
    ['refuse:reached_active_user_cap', 'tiktok_active_users', 'tiktok_refused'],
    ['http_500', 'tiktok_unavailable', 'unavailable'],
  ];
  for (const kind of ['photo', 'video'] as const) {
    const endpoint = kind === 'photo' ? 'content/init' : 'video/init';
    for (const [fault, code, error] of refusals) {
      it(`outlasts seven times ${fault} for a ${kind}, says why, and ends with its clock`, async () => {
        const { id } = await aJob(kind);
        let now = await job(id);
        for (let times = 0; times < 7; times += 1) {
          order(endpoint, fault);
          now = await run(id);
          expect(now, `after ${times + 1}`).to.include({ waiting_code: code, error: null });
        }
        const view = jobView(await job(id), null);
        if (now.state === 'ready') {
          expect(view).to.include({ status: 'scheduled', step: 'wait' });
          expect(view.waiting).to.include({ code, gives_up_at: now.gives_up_at.toISOString() });
          expect(view.waiting?.message).to.contain('goes on by itself');
        }
        await later(id, 26);
        order(endpoint, fault);
        now = await run(id);
        const isMarked = kind === 'photo' && fault === 'http_500';
        expect(now.state).to.equal(isMarked ? 'unconfirmed' : 'failed');
        expect(now.error.code).to.equal(error);
        sandbox.state.faults = [];
      });
    }
  }

  it('is one clock, which another kind of wait does not set back', async () => {
    const { id } = await aJob('video');
    order('video/init', 'refuse:spam_risk_too_many_posts');
    const first = await run(id);
    await later(id, 20);
    order('video/init', 'http_429');
    const second = await run(id);
    expect(second.waiting_code).to.equal('tiktok_rate');
    order('video/init', 'html_502');
    const third = await run(id);
    expect(third.waiting_code).to.equal('tiktok_unavailable');
    const hours = (first.waiting_since - third.waiting_since) / 3600_000;
    expect(hours).to.be.closeTo(20, 0.001);
    await later(id, 6);
    order('video/init', 'refuse:spam_risk_too_many_posts');
    expect((await run(id)).state).to.equal('failed');
  });

  it('waits a day where TikTok fails what it took because of a cap, and counts no attempt', async () => {
    const { id, open_id } = await aJob('video', { state: 'sent' });
    for (let number = 1; number <= 6; number += 1) {
      await ctx.db('jobs').where({ id }).update({ state: 'sent' });
      await aFailedAttempt(id, open_id, number, 'spam_risk_too_many_posts');
      const now = await run(id, 'confirm');
      expect(now, `after ${number}`).to.include({
        ...{ state: 'ready', waiting_code: 'tiktok_daily_cap', error: null },
      });
    }
    // The first was two days ago.
    await ctx.db.raw(
      `update publish_attempts set closed_at = closed_at - interval '2 days' where job_id = ? and number = 1`,
      [id],
    );
    await ctx.db('jobs').where({ id }).update({ state: 'sent' });
    await aFailedAttempt(id, open_id, 7, 'spam_risk_too_many_posts');
    const now = await run(id, 'confirm');
    expect(now.state).to.equal('failed');
    expect(now.error.code).to.equal('daily_limit');
  });

  async function aFailedAttempt(jobId: string, openId: string, number: number, reason: string) {
    const publishId = `v_pub_file~${randomUUID()}`;
    const now = new Date();
    await ctx.db('publish_attempts').insert({
      ...{ job_id: jobId, number, bytes: 1000, publish_id: publishId },
      ...{ opened_at: now, committed_at: now, sent_at: now },
    });
    sandbox.state.publishes.push({
      ...{ publish_id: publishId, client_key: 'sbsandbox', open_id: openId, kind: 'direct' },
      ...{ status: 'FAILED', fail_reason: reason, post_ids: [], received_bytes: 1000 },
    } as unknown as Publish);
  }
});
