// Shows that a name is resolved once and its addresses are checked.
import { expect } from 'chai';
import { createSafeFetch } from '../../src/safe-fetch/fetch.ts';
import { internet } from '../../src/safe-fetch/network.ts';
import { aCanary, type Canary } from '../support/canary.ts';
import { aNameServer, type NameServer } from '../support/name-server.ts';

const HOST = 'media.example.com';
const V4 = '93.184.215.14';
const V6 = '2606:2800:21f:cb07:6820:80da:af6b:8b2c';

describe('a name', () => {
  let names: NameServer;
  let canary: Canary;
  before(async () => {
    names = await aNameServer();
    canary = await aCanary();
  });
  after(async () => {
    await names?.[Symbol.asyncDispose]();
    await canary?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    names.asked.length = 0;
    canary.heard.length = 0;
  });

  /** Resolves by a real name server, and sends every connection to the canary. */
  async function fetched(timeoutMs = 5_000): Promise<string> {
    const network = { ...internet([names.address]), place: canary.network().place };
    const outside = createSafeFetch({ allowPrivateNetworks: false, timeoutMs }, network);
    const signal = new AbortController().signal;
    return outside
      .fetch({ url: `https://${HOST}/v.mp4`, host: HOST, limit: 10, signal }, async () => 'taken')
      .catch((error) => `${error.code}: ${error.message}`);
  }

  it('has all its addresses of both families, or those of one', async () => {
    const { resolve } = internet([names.address]);
    names.zone[HOST] = { v4: [V4, '1.1.1.1'], v6: [V6] };
    expect(await resolve(HOST)).to.have.members([V4, '1.1.1.1', V6]);
    expect(names.asked.sort()).to.deep.equal([`A ${HOST}`, `AAAA ${HOST}`]);
    names.zone[HOST] = { v6: [V6] };
    expect(await resolve(HOST)).to.deep.equal([V6]);
    names.zone[HOST] = { v4: [V4] };
    expect(await resolve(HOST)).to.deep.equal([V4]);
  });

  it('is asked for once a fetch, so that an answer that changes changes nothing', async () => {
    names.zone[HOST] = { v4: [V4] };
    const asking = fetched();
    while (names.asked.length < 2) await new Promise((done) => setTimeout(done, 5));
    names.zone[HOST] = { v4: ['127.0.0.1'] };
    expect(await asking).to.match(/^fetch_failed/);
    expect(canary.heard).to.deep.equal([V4]);
    expect(names.asked.sort()).to.deep.equal([`A ${HOST}`, `AAAA ${HOST}`]);
    expect(await fetched()).to.match(/^url_not_allowed/);
    expect(canary.heard).to.deep.equal([V4]);
  });

  it('is refused when one family of it is not public', async () => {
    for (const zone of [
      { v4: [V4], v6: ['0:0:0:0:0:0:0:1'] },
      { v4: ['10.0.0.1'], v6: [V6] },
      { v4: [V4], v6: ['0:0:0:0:0:ffff:7f00:1'] },
    ]) {
      names.zone[HOST] = zone;
      expect(await fetched()).to.match(/^url_not_allowed/);
    }
    expect(canary.heard).to.deep.equal([]);
  });

  it('may be none, in trouble, or not answered for', async () => {
    delete names.zone[HOST];
    expect(await fetched()).to.equal(`fetch_failed: There is no host ${HOST}.`);
    names.zone[HOST] = {};
    expect(await fetched()).to.equal(`fetch_failed: There is no host ${HOST}.`);
    names.zone[HOST] = 'SERVFAIL';
    expect(await fetched()).to.match(/could not be looked up at the moment/);
    names.zone[HOST] = 'silence';
    expect(await fetched(200)).to.match(/did not answer in time/);
    expect(canary.heard).to.deep.equal([]);
  });
});
