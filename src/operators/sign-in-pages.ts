// The pages on which an operator signs in and out.
import type Router from '@koa/router';
import { z } from 'zod';
import { limitSignIns } from '../access/rate-limits.ts';
import type { Context } from '../context/context.ts';
import { createOperatorPages, createOperatorSessions } from './pages.ts';
import { findSignedIn } from './sign-in.ts';
import { audit, FAILURES, LOCKED_MINUTES } from './store.ts';

const credentials = z.object({
  email: z.string().trim().max(320),
  password: z.string(),
  totp: z.string().max(20).default(''),
});

// One sentence for every refusal, so that nobody learns which emails exist or are locked.
const REFUSED = `The email, password or code is wrong. After ${FAILURES} wrong tries in a row, signing in is locked for ${LOCKED_MINUTES} minutes.`;

export function addSignInPages(router: Router, ctx: Context): void {
  const pages = createOperatorPages(router, ctx);
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
    // Ends the session from before the sign-in, whose id somebody else may know.
    await sessions.end(koa.get('Cookie'));
    koa.append('Set-Cookie', await sessions.start(operator.id));
    await audit(ctx.db, { operator, act: 'operator.signed_in' });
    ctx.log.info({ event: 'operator.signed_in', operator_id: operator.id });
    go('/admin');
  });

  pages.open('post', '/admin/sign-out', async ({ koa, go }) => {
    koa.append('Set-Cookie', await sessions.end(koa.get('Cookie')));
    go('/admin/sign-in');
  });
}
