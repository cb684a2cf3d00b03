// Serves /healthz, /readyz and /metrics for monitoring.
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { withQueryLimit } from '../base/bounded-client.ts';
import { ping } from '../base/database.ts';
import { isClockSkewed } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { isMigrated } from '../base/migrations.ts';
import { isEqual } from '../base/secrets.ts';
import { waitAtMost } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { hasLivingWorkers } from '../queue/heartbeat.ts';

/** Adds the routes. `/readyz` runs the core's checks and the `readiness` of every module. */
export function addHealthRoutes(router: Router, ctx: Context): void {
  const registry = createRegistry(ctx);
  router.get('/healthz', (koa) => {
    koa.body = { ok: true };
  });
  router.get('/readyz', async (koa) => {
    const parts = await checkReadiness(ctx);
    // A web process serves without a worker, so a missing worker is shown but keeps it ready.
    const needed = Object.entries(parts).filter(
      ([name]) => !(name === 'worker' && ctx.config.ROLE === 'web'),
    );
    // When STORAGE_MAX_GB is used up, uploads are refused and everything else works. A wrong clock of
    // this machine decides nothing, and is only told.
    const fine = ['ok', 'nearly_full', 'full', 'skewed'];
    koa.status = needed.every(([, state]) => fine.includes(state)) ? 200 : 503;
    koa.body = { ok: koa.status === 200, ...parts };
  });
  router.get('/metrics', async (koa) => {
    assertMayRead(ctx, koa);
    koa.type = registry.contentType;
    koa.body = await registry.metrics();
  });
}

async function checkReadiness(ctx: Context): Promise<Record<string, string>> {
  const check = async (work: () => Promise<unknown>) => {
    try {
      const limitMs = ctx.timing.beatQueryMs;
      // Answered in time also where connections are dead.
      const state = await waitAtMost(2 * limitMs, withQueryLimit(limitMs, work), false);
      if (typeof state === 'string') return state;
      return state === false ? 'failing' : 'ok';
    } catch (error) {
      return error instanceof Problem ? error.code : 'failing';
    }
  };
  const checks: Record<string, () => Promise<unknown>> = {
    database: () => ping(ctx.db),
    migrations: () => isMigrated(ctx.db),
    worker: () => hasLivingWorkers(ctx),
    clock: async () => (isClockSkewed() ? 'skewed' : 'ok'),
  };
  for (const module of ctx.modules) {
    for (const [name, run] of Object.entries(module.readiness ?? {})) checks[name] = () => run(ctx);
  }
  const states = Object.entries(checks).map(
    async ([name, run]) => [name, await check(run)] as const,
  );
  return Object.fromEntries(await Promise.all(states));
}

const PROXY_HEADERS = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP', 'Forwarded', 'Via'];

function assertMayRead(ctx: Context, koa: KoaContext): void {
  const { METRICS_TOKEN } = ctx.config;
  if (METRICS_TOKEN) {
    if (isEqual(koa.get('Authorization'), `Bearer ${METRICS_TOKEN}`)) return;
    throw new Problem('unauthorized', 'Expected `Authorization: Bearer METRICS_TOKEN`.');
  }
  const isLoopback = /^(::1|127\.|::ffff:127\.)/.test(koa.req.socket.remoteAddress ?? '');
  const isForwarded = PROXY_HEADERS.some((name) => koa.get(name) !== '');
  if (!isLoopback || isForwarded) {
    throw new Problem('forbidden', 'Without METRICS_TOKEN, /metrics answers loopback only.');
  }
}

function createRegistry(ctx: Context): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name, help, labelNames = [], collect } of ctx.modules.flatMap(
    (module) => module.metrics ?? [],
  )) {
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      async collect() {
        for (const { labels = {}, value } of await collect(ctx)) this.set(labels, value);
      },
    });
  }
  return registry;
}
