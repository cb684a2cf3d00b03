// Shows that a connection ends only when TikTok says so of its newest token, and how long that waits.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import type { Fault } from '../../scripts/tiktok-sandbox/state.ts';
import { Problem } from '../../src/base/errors.ts';
import { removeAuthorization } from '../../src/connections/removal.ts';
import type { Context } from '../../src/context/context.ts';
import { findGrant, type Grant, leaseGrant } from '../../src/creators/grants.ts';
import { fetchPostingOptions } from '../../src/creators/posting-options.ts';
import { openTokens, sealTokens } from '../../src/creators/sealed-tokens.ts';
import { getCreator } from '../../src/creators/store.ts';
import { creatorTikTok } from '../../src/creators/tiktok.ts';
import { getAccess, saveTokens } from '../../src/creators/tokens.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { aCreator } from '../support/a-creator.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { waitUntil } from '../support/wait-until.ts';

const { signal } = new AbortController();

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).to.be.instanceOf(Problem);
  return error as Problem;
}

describe('the connection with TikTok', () => {
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

  async function someone(grant: 'live' | 'lapsed' | 'dead') {
    people += 1;
    const account = createAccount(`token.${people}`, `Token ${people}`);
    sandbox.state.accounts.push(account);
    return { ...account, id: (await aCreator(ctx, sandbox, account, grant)).id };
  }
  const patient = (lateRefreshMs: number): Context => ({
    ...ctx,
    timing: { ...ctx.timing, lateRefreshMs },
  });
  const creatorOf = (id: string) => ctx.db('creators').where({ id }).first();
  const unsentOf = (id: string) =>
    ctx.db('jobs').where({ creator_id: id }).whereNot({ state: 'finished' }).orderBy('title');

  /** A process that has asked TikTok for new tokens and is stopped before it saved them. */
  async function aStoppedRefresh(id: string) {
    const grant = (await findGrant(ctx.db, id)) as Grant;
    expect(await leaseGrant(ctx.db, grant, randomUUID(), 45)).to.equal(true);
    const { refresh_token: old } = openTokens(ctx, grant);
    const answer = await ctx.tiktok.refresh(old, { signal });
    const past = ctx.db.raw("now() - interval '1 second'");
    await ctx.db('grants').where({ creator_id: id }).update({ leased_until: past });
    return { wake: () => saveTokens(ctx, grant, sealTokens(ctx, id, answer)) };
  }

  it('is kept by a process that saves its new token late, with everything that waited', async () => {
    const { id } = await someone('lapsed');
    const stopped = await aStoppedRefresh(id);
    const { code } = await problemOf(getAccess(patient(200), id, signal));
    expect(code).to.equal('creator_disconnected');
    expect((await creatorOf(id)).disconnected_at).to.be.instanceOf(Date);
    for (const job of await unsentOf(id)) {
      expect(job).to.include({ state: 'ready', waiting_code: 'creator_disconnected' });
      expect(job.permission_lost_at).to.be.instanceOf(Date);
    }
    expect(await stopped.wake()).to.equal(true);
    expect((await creatorOf(id)).disconnected_at).to.equal(null);
    expect((await getAccess(ctx, id, signal)).version).to.equal(2);
    for (const job of await unsentOf(id)) {
      expect(job).to.include({ state: 'ready', waiting_code: null, permission_lost_at: null });
    }
  });

  it('is not given up before a stopped process had the time to save its token', async () => {
    const { id } = await someone('lapsed');
    const stopped = await aStoppedRefresh(id);
    const reused = () =>
      sandbox.state.findings.filter(({ rule }) => rule === 'refresh_token_reused').length;
    const before = reused();
    const access = getAccess(patient(60_000), id, signal);
    await waitUntil(() => reused() > before);
    await stopped.wake();
    expect((await access).version).to.equal(2);
    expect((await creatorOf(id)).disconnected_at).to.equal(null);
  });

  it('stays ended for who removed it or is leaving, whoever saves a token afterwards', async () => {
    const removed = await someone('lapsed');
    const first = await aStoppedRefresh(removed.id);
    await removeAuthorization(ctx, removed.open_id, { reason: 1, at: new Date() });
    expect(await first.wake()).to.equal(false);
    expect(await creatorOf(removed.id)).to.include({ removal_reason: 1 });
    expect((await creatorOf(removed.id)).disconnected_at).to.be.instanceOf(Date);

    const leaving = await someone('lapsed');
    const second = await aStoppedRefresh(leaving.id);
    await problemOf(getAccess(patient(200), leaving.id, signal));
    await requestDeletion(ctx, leaving.id, 'self_service');
    await second.wake();
    expect((await creatorOf(leaving.id)).disconnected_at).to.be.instanceOf(Date);
  });

  it('is asked for once, and not again with every post that waits', async () => {
    const { id } = await someone('dead');
    const asked = () => sandbox.state.findings.length;
    await problemOf(getAccess(ctx, id, signal));
    const before = asked();
    expect((await problemOf(getAccess(ctx, id, signal))).code).to.equal('creator_disconnected');
    expect(asked()).to.equal(before);
  });

  it('ends when TikTok refuses a token that it has just given', async () => {
    const { id, open_id } = await someone('live');
    const fault = { endpoint: 'creator_info', kind: 'refuse:access_token_invalid', count: 2 };
    sandbox.state.faults.push({ ...fault, open_id: undefined } as Fault);
    const { code } = await problemOf(creatorTikTok(ctx, id, signal).creatorInfo());
    expect(code).to.equal('creator_disconnected');
    expect(open_id && (await creatorOf(id)).disconnected_at).to.be.instanceOf(Date);
  });

  it('that another process is renewing for long is told as unavailable', async () => {
    const { id } = await someone('lapsed');
    const grant = (await findGrant(ctx.db, id)) as Grant;
    await leaseGrant(ctx.db, grant, randomUUID(), 3600);
    const hasty = { ...ctx, timing: { ...ctx.timing, refreshPatienceMs: 200 } };
    const creator = await getCreator(ctx.db, id);
    const { code, status } = await problemOf(fetchPostingOptions(hasty, creator, signal));
    expect([code, status]).to.deep.equal(['unavailable', 503]);
  });

  it('is removed by TikTok’s clock, whatever ours says', async () => {
    const ahead = await someone('live');
    const told = new Date(Math.floor(Date.now() / 1000) * 1000);
    // Our database is ten seconds ahead of TikTok, and the person thinks better of it at once.
    await ctx
      .db('grants')
      .where({ creator_id: ahead.id })
      .update({
        granted_at_tiktok: told,
        granted_at: new Date(told.getTime() + 10_000),
      });
    const removal = { reason: 1, at: new Date(told.getTime() + 3_000) };
    expect(await removeAuthorization(ctx, ahead.open_id, removal)).to.equal('disconnected');

    const returned = await someone('live');
    await ctx
      .db('grants')
      .where({ creator_id: returned.id })
      .update({
        granted_at_tiktok: told,
        granted_at: new Date(told.getTime() - 3600_000),
      });
    const late = { reason: 1, at: new Date(told.getTime() - 1_000) };
    expect(await removeAuthorization(ctx, returned.open_id, late)).to.equal('late');
  });
});
