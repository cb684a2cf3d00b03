// Shows the limits a minute: per key, per address, per creator, and across processes.
import { expect } from 'chai';
import type { Context as KoaContext } from 'koa';
import { limitRequests, limitSignIns, limitVerifications } from '../../src/access/rate-limits.ts';
import { createApp } from '../../src/app.ts';
import type { Problem } from '../../src/base/errors.ts';
import type { Context } from '../../src/context/context.ts';
import { aContext, anOwnContext, type OwnContext } from '../support/context.ts';
import { listenTo } from '../support/served.ts';

const ENV = { API_REQUESTS_PER_MINUTE: '5', SIGN_INS_PER_MINUTE: '2' };

describe('strangers', () => {
  it('are limited by their address', async () => {
    await using own = await anOwnContext({ env: ENV });
    await using served = await listenTo(createApp(own.ctx, own.ctx.modules));
    const headers = { authorization: 'Bearer nothing' };
    const statuses = [];
    for (let n = 0; n < 7; n += 1) {
      statuses.push((await fetch(`${served.url}/v1/jobs`, { headers })).status);
    }
    expect(statuses).to.deep.equal([401, 401, 401, 401, 401, 429, 429]);
  });
});

describe('a limit a minute', () => {
  let own: OwnContext;
  let beside: Context;
  before(async () => {
    own = await anOwnContext({ env: ENV });
    beside = await aContext({ ...own, tiktok_url: 'http://127.0.0.1:9', env: ENV });
  });
  after(async () => {
    await beside?.db.destroy();
    await own?.[Symbol.asyncDispose]();
  });

  /** A request from an address, which keeps the headers of its answer. */
  function aRequest(ip = '192.0.2.1') {
    const set: Record<string, string> = {};
    const koa = { ip, set: (name: string, value: string) => (set[name] = value) };
    return { koa: koa as unknown as KoaContext, set };
  }
  const refusalOf = (limited: Promise<void>): Promise<Problem | null> =>
    limited.then(
      () => null,
      (problem) => problem,
    );

  it('is one for all processes, and each answer says what is left', async () => {
    for (const left of [4, 3, 2, 1, 0]) {
      const { koa, set } = aRequest();
      await limitRequests(left % 2 ? own.ctx : beside, koa, 'key-1');
      expect(set['RateLimit-Policy']).to.equal('"default";q=5;w=60');
      expect(set['RateLimit']).to.match(new RegExp(`^"default";r=${left};t=\\d+$`));
    }
    const { koa, set } = aRequest();
    const refusal = await refusalOf(limitRequests(own.ctx, koa, 'key-1'));
    expect(refusal?.code).to.equal('rate_limited');
    expect(Number(refusal?.extras.retry_at) - Date.now()).to.be.within(1, 60_000);
    expect(set['RateLimit']).to.match(/^"default";r=0;/);
    expect(await refusalOf(limitRequests(own.ctx, koa, 'key-2'))).to.equal(null);
  });

  it('counts sign-ins by address, of which a keyed hash alone is stored', async () => {
    const signIn = (ip: string) => refusalOf(limitSignIns(own.ctx, aRequest(ip).koa));
    expect([await signIn('192.0.2.7'), await signIn('192.0.2.7')]).to.deep.equal([null, null]);
    expect((await signIn('192.0.2.7'))?.code).to.equal('rate_limited');
    expect(await signIn('192.0.2.8')).to.equal(null);
    expect(JSON.stringify(await own.ctx.db('rate_limits'))).not.to.contain('192.0.2');
  });

  it('counts looks at a domain by creator', async () => {
    for (let n = 0; n < 30; n += 1) await limitVerifications(own.ctx, 'creator-1');
    const refusal = await refusalOf(limitVerifications(beside, 'creator-1'));
    expect(refusal?.code).to.equal('rate_limited');
    expect(await refusalOf(limitVerifications(own.ctx, 'creator-2'))).to.equal(null);
  });
});
