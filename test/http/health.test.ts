// Shows readiness and metrics, with what the modules add, and who may read them.
import { expect } from 'chai';
import type { Context, Manifest } from '../../src/context/context.ts';
import { addHealthRoutes } from '../../src/http/health.ts';
import { registerPool } from '../../src/queue/heartbeat.ts';
import { POOL_NAMES } from '../../src/queue/pool-names.ts';
import type { Json } from '../support/appliance.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { serve } from '../support/served.ts';

const PERSONAL = { personalData: { nothing: 'Nothing.' } };

describe('health', () => {
  let own: OwnContext;
  before(async () => {
    own = await anOwnContext();
  });
  after(() => own?.[Symbol.asyncDispose]());

  const serveHealth = (modules: Partial<Manifest>[], config: object = {}) => {
    const ctx = {
      ...own.ctx,
      modules: modules.map((module, at) => ({ name: `m${at}`, ...PERSONAL, ...module })),
      config: { ...own.ctx.config, ...config },
    } as Context;
    return serve(ctx, (router) => addHealthRoutes(router, ctx));
  };
  const registerAll = async (process: string) => {
    for (const name of POOL_NAMES) await registerPool(own.ctx.db, `${process}-${name}`, name);
  };
  async function readiness(modules: Partial<Manifest>[], config?: object) {
    await using served = await serveHealth(modules, config);
    const answer = await fetch(`${served.url}/readyz`);
    return { status: answer.status, json: (await answer.json()) as Json };
  }

  it('is ready once a worker beats, unless this process serves alone', async () => {
    const alone = await readiness([]);
    expect(alone.status).to.equal(503);
    expect(alone.json).to.deep.equal({
      ...{ ok: false, database: 'ok', migrations: 'ok', worker: 'failing', clock: 'ok' },
    });
    expect((await readiness([], { ROLE: 'web' })).status).to.equal(200);
    await registerAll('pool-1');
    const { status, json } = await readiness([]);
    expect([status, json['ok'], json['worker']]).to.deep.equal([200, true, 'ok']);
  });

  it('shows the word of each module’s checks, and is not ready when one fails', async () => {
    await registerAll('pool-2');
    const check = (run: () => Promise<unknown>) => ({ readiness: { thing: run } });
    for (const [run, word, status] of [
      [async () => undefined, 'ok', 200],
      [async () => 'nearly_full', 'nearly_full', 200],
      [async () => 'full', 'full', 200],
      [async () => 'lost', 'lost', 503],
      [async () => false, 'failing', 503],
      [() => Promise.reject(new Error('no words of it')), 'failing', 503],
    ] as const) {
      const modules = [check(run), { readiness: { other: async () => 'ok' } }];
      const found = await readiness(modules);
      expect([found.json['thing'], found.json['other']], word).to.deep.equal([word, 'ok']);
      expect(found.status, word).to.equal(status);
    }
  });

  it('counts what modules count, with their labels, afresh each time', async () => {
    let count = 0;
    const collect = async () => {
      count += 1;
      return [{ labels: { state: 'open' }, value: count }];
    };
    const things = { name: 'pm3k_things', help: 'Things.', labelNames: ['state'], collect };
    const plain = { name: 'pm3k_plain', help: 'Plain.', collect: async () => [{ value: 7 }] };
    await using served = await serveHealth([{ metrics: [things] }, { metrics: [plain] }]);
    for (const expected of [1, 2]) {
      const text = await (await fetch(`${served.url}/metrics`)).text();
      expect(text)
        .to.contain(`pm3k_things{state="open"} ${expected}`)
        .and.contain('pm3k_plain 7')
        .and.contain('process_cpu_seconds_total');
    }
  });
});

describe('strangers', () => {
  let own: OwnContext;
  before(async () => {
    own = await anOwnContext();
  });
  after(() => own?.[Symbol.asyncDispose]());

  it('read no metrics through a proxy', async () => {
    await using served = await serve(own.ctx, (router) => addHealthRoutes(router, own.ctx));
    for (const name of ['via', 'x-real-ip', 'x-forwarded-for', 'forwarded', 'x-forwarded-host']) {
      const answer = await fetch(`${served.url}/metrics`, { headers: { [name]: '1.1 proxy' } });
      expect(answer.status, name).to.equal(403);
    }
    expect((await fetch(`${served.url}/metrics`)).status).to.equal(200);
  });

  it('read them with METRICS_TOKEN alone where it is set', async () => {
    const config = { ...own.ctx.config, METRICS_TOKEN: 'a-token-of-enough-letters' };
    const ctx = { ...own.ctx, config } as Context;
    await using served = await serve(ctx, (router) => addHealthRoutes(router, ctx));
    const ask = async (authorization: string) =>
      (await fetch(`${served.url}/metrics`, { headers: { authorization, via: 'proxy' } })).status;
    expect(await ask('')).to.equal(401);
    expect(await ask('Bearer another')).to.equal(401);
    expect(await ask(`Bearer ${config.METRICS_TOKEN}`)).to.equal(200);
  });
});
