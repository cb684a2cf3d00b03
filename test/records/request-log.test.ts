// Shows what the request log records, without delaying a request.
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { openDatabase } from '../../src/base/database.ts';
import { createLog } from '../../src/base/log.ts';
import type { Context } from '../../src/context/context.ts';
import { flushRequests, recordRequests } from '../../src/records/request-log/record.ts';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';

describe('the request log', () => {
  let app: Appliance;
  let creator: Client;
  let db: Knex;
  before(async () => {
    app = await anAppliance({ TRUST_PROXY: '1' });
    creator = await app.creator();
    db = app.db;
  });
  after(() => app?.[Symbol.asyncDispose]());

  /** Returns the rows that meet the condition, once there are `count` of them. */
  async function rows(
    where: Record<string, unknown>,
    count = 1,
  ): Promise<Record<string, unknown>[]> {
    for (;;) {
      const found = await db('request_log').where(where).orderBy('id');
      if (found.length >= count) return found;
      await sleep(50);
    }
  }

  it('has a row per request: the pattern and no id, the address of the client, the answer', async () => {
    const id = randomUUID();
    const answer = await creator.api('GET', `/v1/jobs/${id}`, undefined, {
      'x-forwarded-for': '192.0.2.7',
    });
    expect(answer.status).to.equal(404);
    const [row] = await rows({ ip: '192.0.2.7' });
    expect(row).to.include({ method: 'GET', route: '/v1/jobs/:id', status: 404 });
    expect(row?.['request_id']).to.equal(answer.headers.get('x-request-id'));
    expect(row?.['duration_ms']).to.be.within(0, 60_000);
    expect(row?.['at']).to.be.greaterThan(new Date(Date.now() - 60_000));
    expect(JSON.stringify(await db('request_log'))).not.to.contain(id);
  });

  it('says none where no route matched, whatever was asked for', async () => {
    await fetch(`${app.url}/nowhere/${creator.creatorId}?q=1`, {
      headers: { 'x-forwarded-for': '192.0.2.8' },
    });
    const [row] = await rows({ ip: '192.0.2.8' });
    expect(row).to.include({ route: 'none', status: 404 });
  });

  it('takes the address that the proxy saw, and no other word of the header', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.1, 2001:db8::1', 'x-request-id': 'spoofed' };
    await fetch(`${app.url}/v1/jobs`, { headers });
    const [row] = await rows({ ip: '2001:db8::1' });
    expect(row).to.include({ status: 401, request_id: 'given' });
    const noise = { 'x-forwarded-for': 'nobody<script>', 'user-agent': 'a-marked-agent' };
    await fetch(`${app.url}/v1/media`, { headers: noise });
    const [without] = await rows({ route: '/v1/media' });
    expect(without?.['ip']).to.equal(null);
    const all = JSON.stringify(await db('request_log'));
    for (const word of ['198.51.100.1', 'script', 'marked', 'spoofed', creator.creatorId]) {
      expect(all).not.to.contain(word);
    }
  });

  it('leaves out what machines ask every few seconds, and what pages load for their looks', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/static/style.css']) {
      await fetch(`${app.url}${path}`);
    }
    await fetch(`${app.url}/v1/creators/me`, { headers: { 'x-forwarded-for': '192.0.2.9' } });
    await rows({ ip: '192.0.2.9' });
    const routes = await db('request_log').distinct('route').pluck('route');
    expect(routes).not.to.include.members(['/healthz']);
    expect(routes.filter((route: string) => /health|ready|metrics|static/.test(route))).to.eql([]);
  });

  it('keeps the address out of what is printed', async () => {
    await app.untilPrinted('"event":"request"');
    expect(app.output()).not.to.match(/192\.0\.2\.|2001:db8/);
  });

  it('prints an id of its own, and of one that the client chose only that it did', async () => {
    const own = await creator.api('GET', '/v1/jobs');
    await creator.api('GET', '/v1/jobs', undefined, { 'x-request-id': 'maria-lopez' });
    const printed = () => app.output().split('"event":"request"').slice(1).join('');
    while (!/"request_id":"(given|maria-lopez)"/.test(printed().slice(-400))) await sleep(20);
    expect(printed()).to.contain(`"request_id":"${own.headers.get('x-request-id')}"`);
    await db.raw('alter table media rename to media_away');
    const broken = await creator.api('GET', '/v1/media', undefined, {
      'x-request-id': 'maria-lopez',
    });
    await db.raw('alter table media_away rename to media');
    expect(broken.json['request_id']).to.equal('maria-lopez');
    await app.untilPrinted(/"event":"request.fault"[^\n]*"request_id":"given"/);
    expect(app.output()).not.to.contain('maria-lopez');
  });

  it('fails no request when the table cannot be written, and makes up for it', async () => {
    await db.raw('alter table request_log rename to request_log_away');
    const headers = { 'x-forwarded-for': '192.0.2.10' };
    for (let n = 0; n < 3; n += 1) {
      const answer = await creator.api('GET', '/v1/jobs', undefined, headers);
      expect(answer.status).to.equal(200);
    }
    await app.untilPrinted('request_log.fault');
    await db.raw('alter table request_log_away rename to request_log');
    expect(await rows({ ip: '192.0.2.10' }, 3)).to.have.length(3);
  });

  it('is written to the last row when the process stops', async () => {
    await creator.api('GET', '/v1/jobs', undefined, { 'x-forwarded-for': '192.0.2.11' });
    expect(await app.stop()).to.equal(0);
    const found = await db('request_log').where({ ip: '192.0.2.11' });
    expect(found).to.have.length(1);
    await app.start();
  });
});

describe('the request log without its database', () => {
  it('holds up nobody, and forgets the oldest rather than grow', async () => {
    const lines: string[] = [];
    const db = openDatabase({ connectionString: 'postgres://nobody@127.0.0.1:9/none' });
    const log = createLog('warn', { write: (line) => lines.push(line) });
    const ctx = { db, log } as unknown as Context;
    const record = recordRequests(ctx);
    for (let n = 0; n < 12_000; n += 1) {
      const res = new EventEmitter();
      const koa = { ip: '192.0.2.1', res, state: {}, method: 'GET', status: 200, get: () => '' };
      await record(koa as never, async () => {});
      res.emit('close');
    }
    await flushRequests(ctx);
    await db.destroy();
    expect(JSON.parse(lines[0] as string)).to.include({
      ...{ event: 'request_log.fault', waiting: 10_000 },
    });
  });
});
