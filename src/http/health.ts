// For machines: is it alive, is it ready, and what does it count.
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { isMigrated, ping } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import { isEqual } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { countOpenRequests } from '../deletion-requests/store.ts';
import { ALL_STATES } from '../jobs/states.ts';
import { countByState, findOverdue } from '../jobs/stats.ts';
import { checkStorage } from '../media/storage-quota.ts';
import { hasLivingWorker } from '../queue/heartbeat.ts';

export function addHealthRoutes(router: Router, ctx: Context): void {
  const registry = createRegistry(ctx);
  router.get('/healthz', (koa) => {
    koa.body = { ok: true };
  });
  router.get('/readyz', async (koa) => {
    const parts = await readiness(ctx);
    // A web process serves without a worker of its own; it says so, and stays in rotation.
    const needed = Object.entries(parts).filter(
      ([name]) => !(name === 'worker' && ctx.config.ROLE === 'web'),
    );
    // What the operator allowed is used up: uploads are refused, and everything else goes on.
    const fine = ['ok', 'nearly_full', 'full'];
    koa.status = needed.every(([, state]) => fine.includes(state)) ? 200 : 503;
    koa.body = { ok: koa.status === 200, ...parts };
  });
  router.get('/metrics', async (koa) => {
    assertMayRead(ctx, koa);
    koa.type = registry.contentType;
    koa.body = await registry.metrics();
  });
}

async function readiness(ctx: Context): Promise<Record<string, string>> {
  const check = async (work: () => Promise<unknown>) => {
    try {
      const state = await work();
      if (typeof state === 'string') return state;
      return state === false ? 'failing' : 'ok';
    } catch (error) {
      return error instanceof Problem ? error.code : 'failing';
    }
  };
  const [database, migrations, storage, worker] = await Promise.all([
    check(() => ping(ctx.db)),
    check(() => isMigrated(ctx.db)),
    check(() => checkStorage(ctx)),
    check(() => hasLivingWorker(ctx)),
  ]);
  return { database, migrations, storage, worker };
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
  new Gauge({
    name: 'pm3k_jobs',
    help: 'Jobs by state',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const counts = await countByState(ctx.db);
      for (const state of ALL_STATES) this.set({ state }, counts.get(state) ?? 0);
    },
  });
  new Gauge({
    name: 'pm3k_jobs_overdue_seconds',
    help: 'How late the latest job is that waits for its time to be sent',
    registers: [registry],
    async collect() {
      const first = await findOverdue(ctx.db);
      this.set(first ? (Date.now() - first.getTime()) / 1000 : 0);
    },
  });
  new Gauge({
    name: 'pm3k_deletion_requests',
    help: 'Deletion requests by email that wait for their answer; overdue ones among them',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const { open, overdue } = await countOpenRequests(ctx.db);
      this.set({ state: 'open' }, open);
      this.set({ state: 'overdue' }, overdue);
    },
  });
  return registry;
}
