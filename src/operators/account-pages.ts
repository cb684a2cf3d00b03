// The pages of an operator's own account: password and sessions.
import type Router from '@koa/router';
import type { Context } from '../context/context.ts';
import { createOperatorPages, type OperatorPages, readOwnSession } from './pages.ts';
import { findPasswordFault, hashPassword, SHORTEST } from './passwords.ts';
import { tryPassword } from './sign-in.ts';
import {
  audit,
  endOtherSessions,
  endSession,
  listSessions,
  type Operator,
  updateOperator,
} from './store.ts';

export function addAccountPages(router: Router, ctx: Context): void {
  const pages = createOperatorPages(router, ctx);

  pages.own('get', '/admin/account', async (request, operator) => {
    const own = readOwnSession(request);
    const sessions = await listSessions(ctx.db, operator.id);
    request.render('operators/account', {
      title: 'Your account',
      has_second_factor: operator.totp_confirmed_at !== null,
      sessions: sessions.map((each) => ({ ...each, is_own: each.id_hash === own })),
    });
  });

  pages.own('post', '/admin/sessions/removal', async (request, operator) => {
    const { form, go } = request;
    const handle = form['handle'];
    if (handle) await endSession(ctx.db, operator.id, handle);
    else await endOtherSessions(ctx.db, operator.id, readOwnSession(request));
    await audit(ctx.db, {
      operator,
      act: handle ? 'operator.ended_session' : 'operator.ended_other_sessions',
    });
    go('/admin/account');
  });

  addPasswordPages(ctx, pages);
}

function addPasswordPages(ctx: Context, pages: OperatorPages): void {
  const view = ({ password_is_initial }: Operator, faults: Record<string, string> = {}) => ({
    title: password_is_initial ? 'Choose your password' : 'Change password',
    is_initial: password_is_initial,
    shortest: SHORTEST,
    faults: { current: faults['current'] ?? null, password: faults['password'] ?? null },
  });

  pages.own('get', '/admin/password', async ({ render }, operator) =>
    render('operators/password', view(operator)),
  );

  pages.own('post', '/admin/password', async (request, operator) => {
    const { koa, form, render, go } = request;
    const [current, password] = [String(form['current'] ?? ''), String(form['password'] ?? '')];
    const refuse = (faults: Record<string, string>) => {
      koa.status = 400;
      render('operators/password', view(operator, faults));
    };
    const fault = findPasswordFault(password);
    if (fault) return refuse({ password: fault });
    if (current === password) return refuse({ password: 'This is your current password.' });
    if (!(await tryPassword(ctx, operator, current))) {
      return refuse({
        current: 'This is not your password, or you have tried too often. Try again later.',
      });
    }
    const passwordHash = await hashPassword(password);
    await ctx.db.transaction(async (trx) => {
      await updateOperator(trx, operator.id, {
        password_hash: passwordHash,
        password_is_initial: false,
      });
      await endOtherSessions(trx, operator.id, readOwnSession(request));
      await audit(trx, { operator, act: 'operator.changed_password' });
    });
    go('/admin/account');
  });
}
