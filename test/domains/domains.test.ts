import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { holdsToken } from '../../src/domains/verify.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { aSource, type Source, status, VERIFY } from '../support/source.ts';

describe('a domain', () => {
  let app: Appliance;
  let client: Client;
  let source: Source;
  before(async () => {
    app = await anAppliance({
      FETCH_ALLOW_PRIVATE_NETWORKS: 'true',
      FETCH_TIMEOUT_SECONDS: '1',
      LOG_LEVEL: 'warn',
    });
    client = await app.creator();
    source = await aSource();
  });
  after(async () => {
    await source?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  const add = async (host = source.host, by = client) =>
    (await by.api('POST', '/v1/domains', { host })).json;
  const verify = (id: string, by = client) => by.api('POST', `/v1/domains/${id}/verification`);
  const remove = (id: string) => client.api('DELETE', `/v1/domains/${id}`);

  it('is added with a token, listed, verified by its file, and removed', async () => {
    const answer = await client.api('POST', '/v1/domains', { host: source.host });
    expect(answer.status).to.equal(201);
    const domain = answer.json;
    expect(domain).to.include({ host: source.host, file: VERIFY, verified_at: null, error: null });
    expect(domain['token']).to.match(/^[A-Za-z0-9]{32}$/);
    source.answers[VERIFY] = domain['token'];
    const verified = await verify(domain['id']);
    expect(verified.status).to.equal(200);
    expect(verified.json['verified_at']).to.match(/^\d{4}-/);
    expect(source.asked).to.deep.equal([VERIFY]);
    const again = await client.api('POST', '/v1/domains', { host: source.host.toUpperCase() });
    expect(again.status).to.equal(200);
    expect(again.json).to.deep.equal(verified.json);
    const list = await client.api('GET', '/v1/domains');
    expect(list.json).to.deep.equal({ data: [verified.json], next_cursor: null });
    expect((await remove(domain['id'])).status).to.equal(204);
    expect((await remove(domain['id'])).status).to.equal(404);
    expect((await client.api('GET', '/v1/domains')).json['data']).to.deep.equal([]);
  });

  it('is looked up by its name', async () => {
    const domain = await add(source.host.replace('127.0.0.1', 'localhost'));
    source.answers[VERIFY] = domain['token'];
    expect((await verify(domain['id'])).status).to.equal(200);
    await remove(domain['id']);
  });

  it('tells exactly what is wrong with its file', async () => {
    const domain = await add();
    const slow = () => {};
    const cases: [Source['answers'][string] | undefined, string, number, RegExp][] = [
      [undefined, 'fetch_failed', 502, /HTTP 404/],
      [status(500), 'fetch_failed', 502, /HTTP 500/],
      [slow, 'fetch_failed', 502, /did not answer in time/],
      [status(301, { location: '/other' }), 'redirect_not_allowed', 422, /redirect/],
      ['', 'domain_not_verified', 403, /something else/],
      [`${domain['token']}x`, 'domain_not_verified', 403, /something else/],
      ['x'.repeat(100_000), 'domain_not_verified', 403, /something else/],
      [`<html>\n${domain['token']}\n</html>`, 'domain_not_verified', 403, /something else/],
    ];
    for (const [answer, code, http, words] of cases) {
      if (answer === undefined) delete source.answers[VERIFY];
      else source.answers[VERIFY] = answer;
      const { status: found, json } = await verify(domain['id']);
      expect(json['code']).to.equal(code);
      expect(found).to.equal(http);
      expect(json['detail']).to.match(words);
      const { data } = (await client.api('GET', '/v1/domains')).json;
      expect(data[0]).to.include({ verified_at: null });
      expect(data[0]['error']).to.deep.equal({ code, message: json['detail'] });
    }
    await remove(domain['id']);
  });

  it('may be two creators’, each by a token of their own', async () => {
    const other = await app.creator('other.one');
    const [mine, theirs] = [await add(), await add(source.host, other)];
    expect(mine['token']).not.to.equal(theirs['token']);
    source.answers[VERIFY] = mine['token'];
    expect((await verify(theirs['id'], other)).json['code']).to.equal('domain_not_verified');
    source.answers[VERIFY] = `${mine['token']}\n${theirs['token']}\n`;
    expect((await verify(mine['id'])).status).to.equal(200);
    expect((await verify(theirs['id'], other)).status).to.equal(200);
    for (const call of [verify(theirs['id']), remove(theirs['id']), verify(randomUUID())])
      expect((await call).status).to.equal(404);
    await remove(mine['id']);
    expect((await other.api('GET', '/v1/domains')).json['data']).to.have.length(1);
  });

  it('is a host and nothing else', async () => {
    for (const host of [
      ...['https://example.com', 'example.com/path', 'a@example.com', 'exa mple.com', '', '/', '?'],
      ...['example.com#x', 'example.com\\x', 'example.com:80:80', '[::1', '%', 'a\u0000.com'],
    ]) {
      const { json } = await client.api('POST', '/v1/domains', { host });
      expect(json['code'], host).to.equal('invalid_request');
      expect(json['errors'][0]['pointer'], host).to.equal('/host');
    }
    const bodies = [{}, { host: 5 }, { host: 'a.com', port: 1 }, { host: 'x'.repeat(301) }];
    for (const body of bodies)
      expect((await client.api('POST', '/v1/domains', body)).status).to.equal(400);
  });

  it('is looked for thirty times a minute and not more', async () => {
    const eager = await app.creator('eager.one');
    const domain = await add('127.0.0.1:1', eager);
    const found = new Set<string>();
    for (let n = 0; n < 31; n += 1) {
      const { json, headers } = await verify(domain['id'], eager);
      found.add(json['code']);
      if (json['code'] === 'rate_limited') expect(headers.get('retry-after')).to.match(/^\d+$/);
    }
    expect([...found]).to.deep.equal(['fetch_failed', 'rate_limited']);
  });

  it('is one of fifty at most', async () => {
    const rich = await app.creator('rich.one');
    const { db } = app;
    const row = (n: number) => ({ creator_id: rich.creatorId, host: `h${n}.com`, token: 'x' });
    await db('domains').insert(Array.from({ length: 49 }, (_, n) => row(n)));
    expect((await rich.api('POST', '/v1/domains', { host: 'last.com' })).status).to.equal(201);
    const { json } = await rich.api('POST', '/v1/domains', { host: 'another.com' });
    expect(json['code']).to.equal('state_conflict');
    expect((await rich.api('POST', '/v1/domains', { host: 'h1.com' })).status).to.equal(200);
  });

  it('is added beside others at the same moment', async () => {
    const busy = await app.creator('busy.one');
    const hosts = Array.from({ length: 8 }, (_, n) => `many${n}.com`);
    const all = await Promise.all(hosts.map((host) => busy.api('POST', '/v1/domains', { host })));
    expect(all.map(({ status }) => status)).to.deep.equal(hosts.map(() => 201));
  });

  it('is managed on its page without scripts', async () => {
    expect((await client.page('/domains')).text).to.contain('No domain yet');
    const bad = await client.form('/domains', { host: 'https://a<b>.com' });
    expect(bad.status).to.equal(400);
    expect(await bad.text())
      .to.contain('role="alert"')
      .and.contain('https://a&lt;b&gt;.com');
    expect((await client.form('/domains', { host: source.host })).status).to.equal(303);
    const [domain] = (await client.api('GET', '/v1/domains')).json['data'] as Json[];
    const { id, token } = domain as Json;
    const waiting = (await client.page('/domains')).text;
    expect(waiting).to.contain(token).and.contain('Waiting for its file');
    source.answers[VERIFY] = 'something else';
    expect((await client.form(`/domains/${id}/verification`, {})).status).to.equal(303);
    expect((await client.page('/domains')).text)
      .to.contain('Not verified')
      .and.contain('else');
    source.answers[VERIFY] = `\ufeff${token}\r\n`;
    await client.form(`/domains/${id}/verification`, {});
    expect((await client.page('/domains')).text).to.match(/✓<\/span> Verified/);
    const foreign = await client.form(`/domains/${id}/removal`, {}, { 'sec-fetch-site': 'none' });
    expect(foreign.status).to.equal(403);
    expect((await client.form(`/domains/${id}/removal`, {})).status).to.equal(303);
    expect((await client.page('/domains')).text).to.contain('No domain yet');
  });
});

describe('a domain in the internet', () => {
  let app: Appliance;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'info', PLAN_FREE_VERIFIED_URLS: 'false' });
  });
  after(() => app?.[Symbol.asyncDispose]());

  it('is a public name, in punycode, and no address', async () => {
    const client = await app.creator();
    for (const host of [
      ...['localhost', '127.0.0.1', '[::1]', '2130706433', '0x7f.1', '１２７.0.0.1', 'db'],
      ...['a.internal', 'a.local', 'a.test', 'metadata.google.internal', '8.8.8.8', 'localhost.'],
    ]) {
      const { json } = await client.api('POST', '/v1/domains', { host });
      expect(json['code'], host).to.equal('url_not_allowed');
    }
    for (const host of ['example.com:443', 'example.com:8080', 'example.com:']) {
      const { json } = await client.api('POST', '/v1/domains', { host });
      expect(json['code'], host).to.equal('invalid_request');
    }
    for (const [given, kept] of [
      ['Media.Example.COM.', 'media.example.com'],
      ['bücher.example', 'xn--bcher-kva.example'],
    ] as const) {
      expect((await client.api('POST', '/v1/domains', { host: given })).json['host']).to.equal(
        kept,
      );
    }
    expect(app.output()).not.to.contain('FETCH_ALLOW_PRIVATE_NETWORKS');
  });

  it('is none for a plan without Verified URLs', async () => {
    const client = await app.creator('free.one');
    const { db } = app;
    await db('creators').where({ id: client.creatorId }).update({ plan: 'free' });
    const { json } = await client.api('POST', '/v1/domains', { host: 'example.com' });
    expect(json).to.include({ code: 'source_not_allowed_for_plan', status: 400 });
    expect((await client.api('GET', '/v1/domains')).status).to.equal(200);
    const page = await client.page('/domains');
    expect(page.text).to.contain('free plan has no Verified URLs').and.not.contain('Add domain');
  });

  it('says loudly at start when the guard is open', async () => {
    await using open = await anAppliance({ FETCH_ALLOW_PRIVATE_NETWORKS: 'true' });
    const line = open
      .output()
      .split('\n')
      .find((each) => each.includes('FETCH_ALLOW_PRIVATE'));
    expect(JSON.parse(line ?? '{}')).to.include({ level: 40 });
  });
});

describe('a verification file', () => {
  const token = 'A'.repeat(32);
  it('holds tokens alone, whatever an editor made of the lines', () => {
    const good = [
      token,
      `${token}\n`,
      `\ufeff${token}\r\n\r\n`,
      ` ${token} `,
      `${'B'.repeat(32)}\r${token}`,
    ];
    for (const file of good) expect(holdsToken(file, token), JSON.stringify(file)).to.equal(true);
    const bad = [
      ...['', 'A'.repeat(31), 'A'.repeat(33), token.toLowerCase(), `${token} ${token}`],
      ...[`${token}\nmore`, `token=${token}`, `"${token}"`, 'B'.repeat(32)],
    ];
    for (const file of bad) expect(holdsToken(file, token), file).to.equal(false);
  });
});
