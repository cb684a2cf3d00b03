// Shows which form posts are taken for our own pages’.
import { expect } from 'chai';
import { sameOriginOnly } from '../../src/http/csrf.ts';
import { aBareContext, type Served, serve } from '../support/served.ts';

const OWN = 'http://pm3k.example';

describe('a form', () => {
  let served: Served;
  const taken: string[] = [];
  before(async () => {
    const ctx = aBareContext();
    const take = (path: string) => {
      taken.push(path);
      return 'taken';
    };
    const only = sameOriginOnly(ctx);
    served = await serve(
      ctx,
      (router) => {
        router.all('/{*path}', (koa) => {
          koa.body = take(koa.path);
        });
      },
      only,
    );
  });
  after(() => served?.[Symbol.asyncDispose]());
  beforeEach(() => {
    taken.length = 0;
  });

  const send = async (path: string, headers: Record<string, string>, method = 'POST') =>
    (await fetch(`${served.url}${path}`, { method, headers })).status;

  it('is refused from another origin, and without any proof of origin', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'cross-site', origin: OWN },
      { origin: 'https://evil.example' },
      { origin: `${OWN}.evil.example` },
      { origin: 'null' },
      {},
    ]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        expect(await send('/sign-out', headers, method), JSON.stringify(headers)).to.equal(403);
      }
    }
    expect(taken).to.deep.equal([]);
  });

  it('is taken from our own pages, by either header', async () => {
    expect(await send('/sign-out', { 'sec-fetch-site': 'same-origin' })).to.equal(200);
    expect(await send('/sign-out', { origin: OWN })).to.equal(200);
  });

  it('needs no proof where a key or a signature is one, and where nothing changes', async () => {
    for (const path of ['/v1/jobs', '/api/tiktok/status', '/webhooks/tiktok']) {
      expect(await send(path, {}), path).to.equal(200);
    }
    expect(await send('/sign-out', { 'sec-fetch-site': 'cross-site' }, 'GET')).to.equal(200);
    for (const path of ['/v1things', '/apis', '/webhooks/tiktoks', '/x/v1/jobs']) {
      expect(await send(path, {}), path).to.equal(403);
    }
  });
});
