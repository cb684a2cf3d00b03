// Pages on which an operator signs in and out.
import type Router from '@koa/router';
import { z } from 'zod';
import { limitSignIns } from '../access/rate-limits.ts';
import type { Context } from '../context/context.ts';
import { createAdminPages, createOperatorSessions } from './pages.ts';
import { findSignedIn } from './sign-in.ts';
import { audit, FAILURES, LOCKED_MINUTES } from './store.ts';

const credentials = z.object({
  email: z.string().trim().max(320),
  password: z.string(),
  totp: z.string().max(20).default(''),
});

// One sentence for everything, so that it tells nobody which emails, passwords or locks there are.
const REFUSED = `Email, password or code is not right. After ${FAILURES} wrong tries in a row an operator’s sign-in is locked for ${LOCKED_MINUTES} minutes.`;

export function addSignInPages(router: Router, ctx: Context): void {
  const pages = createAdminPages(router, ctx);
  const sessions = createOperatorSessions(ctx);
  const title = 'Sign in';

  pages.open('get', '/admin/sign-in', async ({ render, go }, operator) => {
    if (operator) return go('/admin');
    render('operators/sign-in', { title, fault: null, email: '' });
  });

  pages.open('post', '/admin/sign-in', async ({ koa, form, render, go }) => {
    await limitSignIns(ctx, koa);
    const { data } = credentials.safeParse(form);
    const operator = data && (await findSignedIn(ctx, { ...data, code: data.totp }));
    if (!operator) {
      koa.status = 403;
      koa.state['operator'] = null;
      return render('operators/sign-in', { title, fault: REFUSED, email: data?.email ?? '' });
    }
    // Never the session of before: somebody else may know its id.
    await sessions.end(koa.get('Cookie'));
    koa.append('Set-Cookie', await sessions.start(operator.id));
    await audit(ctx.db, operator, 'operator.signed_in');
    ctx.log.info({ event: 'operator.signed_in', operator_id: operator.id });
    go('/admin');
  });

  pages.open('post', '/admin/sign-out', async ({ koa, go }) => {
    koa.append('Set-Cookie', await sessions.end(koa.get('Cookie')));
    go('/admin/sign-in');
  });
}
