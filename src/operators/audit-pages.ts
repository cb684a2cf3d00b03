// The page on which operators read the audit log.
import type Router from '@koa/router';
import type { Context } from '../context/context.ts';
import { createOperatorPages } from './pages.ts';
import { listAudit } from './store.ts';

const LINES = 100;

export function addAuditPages(router: Router, ctx: Context): void {
  createOperatorPages(router, ctx).own('get', '/admin/audit', async ({ koa, render }) => {
    const before = Number(koa.query['before']);
    const lines = await listAudit(ctx.db, LINES + 1, Number.isSafeInteger(before) ? before : null);
    const last = lines[LINES - 1];
    render('operators/audit', {
      title: 'Audit log',
      lines: lines.slice(0, LINES).map((line) => ({ ...line, act: describeAct(line.act) })),
      older: lines.length > LINES && last ? `/admin/audit?before=${last.id}` : null,
      days: ctx.config.REQUEST_RETENTION_DAYS,
    });
  });
}

/** `operator.signed_in` → "signed in"; `deletion_request.verified` → "deletion request: verified". */
function describeAct(act: string): string {
  const [noun = '', verb = ''] = act.split('.');
  const words = verb.replaceAll('_', ' ');
  return noun === 'operator' ? words : `${noun.replaceAll('_', ' ')}: ${words}`;
}
