// The operators' first page: numbers, what needs a person, and what retention removed.
import type Router from '@koa/router';
import type { Context } from '../context/context.ts';
import { judgeUrgency } from '../deletion-requests/rules.ts';
import { listOpen } from '../deletion-requests/store.ts';
import { capitalised } from '../http/format.ts';
import { createOperatorPages } from '../operators/pages.ts';
import { declaredTables } from '../privacy/eraser.ts';
import { listSweeps } from '../retention/store.ts';
import { countAll, countTroubles } from './store.ts';

const SWEEPS = 20;

export function addOverviewPages(router: Router, ctx: Context): void {
  createOperatorPages(router, ctx).own('get', '/admin', async ({ render }, operator) => {
    const open = await listOpen(ctx.db);
    render('admin-overview/overview', {
      title: 'Overview',
      numbers: { ...(await countAll(ctx.db)), requests_open: open.length },
      requests: open
        .map((request) => ({ id: request.id, number: request.number, ...judgeUrgency(request) }))
        .filter(({ level }) => level !== 'calm'),
      ...(await countTroubles(ctx.db)),
      has_second_factor: operator.totp_confirmed_at !== null,
      sweeps: await describeSweeps(ctx),
    });
  });
}

/** Names each kind of removed thing; a table is named by what its declaration calls its rows. */
async function describeSweeps(ctx: Context) {
  const tables = declaredTables(ctx.modules);
  const sweeps = await listSweeps(ctx.db, SWEEPS);
  return sweeps.map(({ at, what, removed, bytes }) => ({
    at,
    what: tables[what]?.called ?? capitalised(what.replaceAll('_', ' ')),
    removed,
    bytes,
  }));
}
