import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import type { Context } from '../../src/context/context.ts';
import { getCreator } from '../../src/creators/store.ts';
import { recheckDomains } from '../../src/domains/recheck.ts';
import { judgeSourceToday } from '../../src/domains/sources.ts';
import { addDomain, type Domain, getDomain } from '../../src/domains/store.ts';
import { aCreator } from '../support/a-creator.ts';
import { anOwnContext } from '../support/context.ts';
import { aSource, type Source, status, VERIFY } from '../support/source.ts';

describe('the look at a verified domain', () => {
  let ctx: Context;
  let source: Source;
  let creatorId: string;
  const ends: (() => unknown)[] = [];
  before(async () => {
    const sandbox = await startSandbox();
    const env = { FETCH_ALLOW_PRIVATE_NETWORKS: 'true', FETCH_TIMEOUT_SECONDS: '1' };
    const own = await anOwnContext({ tiktok_url: sandbox.url, env });
    ctx = own.ctx;
    source = await aSource();
    creatorId = (await aCreator(ctx, sandbox, createAccount('looked.at', 'Looked at'))).id;
    ends.push(
      () => own[Symbol.asyncDispose](),
      () => source[Symbol.asyncDispose](),
      () => sandbox.close(),
    );
  });
  after(async () => {
    for (const end of ends) await end();
  });

  const signal = new AbortController().signal;

  /** A verified domain, looked at and found so many days ago. */
  async function aDomain(lookedDays: number, foundDays = lookedDays): Promise<Domain> {
    await ctx.db('domains').delete();
    const { domain } = await addDomain(ctx.db, creatorId, source.host);
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000);
    await ctx
      .db('domains')
      .where({ id: domain.id })
      .update({
        ...{ verified_at: ago(100), checked_at: ago(lookedDays), found_at: ago(foundDays) },
      });
    source.asked.length = 0;
    source.answers[VERIFY] = domain.token;
    return domain;
  }
  const now = (domain: Domain) => getDomain(ctx.db, creatorId, domain.id);
  const use = async () =>
    judgeSourceToday(ctx, await getCreator(ctx.db, creatorId), `${source.url}/v.mp4`, signal).then(
      () => 'usable',
      (error) => error.code,
    );

  it('is due after a week, and not before', async () => {
    const fresh = await aDomain(6.9);
    await recheckDomains(ctx, signal);
    expect(source.asked).to.deep.equal([]);
    const old = await aDomain(7.1);
    await recheckDomains(ctx, signal);
    expect(source.asked).to.deep.equal([VERIFY]);
    const { verified_at, checked_at } = await now(old);
    expect(verified_at?.getTime()).to.be.lessThan(Date.now() - 99 * 86_400_000);
    expect(checked_at?.getTime()).to.be.greaterThan(Date.now() - 60_000);
    expect(fresh.id).not.to.equal(old.id);
    await recheckDomains(ctx, signal);
    expect(source.asked).to.have.length(1);
  });

  it('never is due for one that is not verified', async () => {
    await aDomain(30);
    await ctx.db('domains').update({ verified_at: null });
    await recheckDomains(ctx, signal);
    expect(source.asked).to.deep.equal([]);
  });

  it('ends the verification when the server says that the file is not there', async () => {
    const answers = [
      status(404),
      status(410),
      status(403),
      status(302, { location: '/' }),
      'other',
    ];
    for (const answer of answers) {
      const domain = await aDomain(8);
      source.answers[VERIFY] = answer;
      await recheckDomains(ctx, signal);
      expect((await now(domain)).verified_at).to.equal(null);
      expect(await use()).to.equal('domain_not_verified');
    }
  });

  it('keeps it through an outage of fourteen days, and tells what is wrong', async () => {
    for (const answer of [status(500), status(503), status(429), () => {}]) {
      const domain = await aDomain(8);
      source.answers[VERIFY] = answer;
      await recheckDomains(ctx, signal);
      const kept = await now(domain);
      expect(kept.verified_at).not.to.equal(null);
      expect(kept.fault?.code).to.equal('fetch_failed');
      expect(await use()).to.equal('usable');
    }
    const domain = await aDomain(8, 14.1);
    source.answers[VERIFY] = status(500);
    await recheckDomains(ctx, signal);
    expect((await now(domain)).verified_at).to.equal(null);
  });

  it('is taken before a day’s first use, and no more that day', async () => {
    await aDomain(1.1);
    expect(await use()).to.equal('usable');
    expect(source.asked).to.deep.equal([VERIFY]);
    expect(await use()).to.equal('usable');
    expect(source.asked).to.deep.equal([VERIFY]);
    const domain = await aDomain(1.1);
    source.answers[VERIFY] = 'sold';
    expect(await use()).to.equal('domain_not_verified');
    expect((await now(domain)).verified_at).to.equal(null);
    source.answers[VERIFY] = domain.token;
    expect(await use()).to.equal('domain_not_verified');
  });

  it('does not wait for a file that comes byte by byte', async () => {
    const domain = await aDomain(8);
    source.answers[VERIFY] = (_request, response) => {
      const drip = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(drip));
    };
    const begunAt = Date.now();
    await recheckDomains(ctx, AbortSignal.timeout(8_000));
    expect(Date.now() - begunAt).to.be.within(1_000, 6_000);
    const { fault, verified_at } = await now(domain);
    expect(fault?.code).to.equal('fetch_failed');
    expect(verified_at).not.to.equal(null);
  });

  it('harms nobody when the domain is removed meanwhile', async () => {
    await aDomain(8);
    source.answers[VERIFY] = async (_request, response) => {
      await ctx.db('domains').delete();
      response.end('gone');
    };
    await recheckDomains(ctx, signal);
    expect(await use()).to.equal('domain_not_verified');
  });

  it('stops with the signal', async () => {
    await aDomain(8);
    const fault = await recheckDomains(ctx, AbortSignal.abort(new Error('Stopping'))).catch(
      (error) => error,
    );
    expect(fault.message).to.equal('Stopping');
    expect(source.asked).to.deep.equal([]);
  });
});
