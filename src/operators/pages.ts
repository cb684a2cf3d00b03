// Pages of operators: like a creator's, behind a session and a cookie of their own.
import type Router from '@koa/router';
import { createSessionsFor, type Sessions } from '../access/sessions.ts';
import type { Context } from '../context/context.ts';
import { createPagesFor, type PageRequest, type Pages } from '../web/pages.ts';
import { findOperator, type Operator } from './store.ts';

export type AdminPages = Pages<Operator>;

const FIRST_PAGES = ['/admin/password', '/admin/sign-out'];

export function createAdminPages(router: Router, ctx: Context): AdminPages {
  const pages = createPagesFor(router, ctx, {
    name: 'operator',
    signInPath: '/admin/sign-in',
    sessions: createOperatorSessions(ctx),
  });
  return {
    open: pages.open,
    own: (method, path, handle, options) =>
      pages.own(
        method,
        path,
        async (request, operator) => {
          // Whoever made the password knows it, too.
          if (operator.password_is_initial && !FIRST_PAGES.includes(path)) {
            return request.go('/admin/password');
          }
          return handle(request, operator);
        },
        options,
      ),
  };
}

/** Sent to our own pages alone, and never beyond the admin pages. */
export function createOperatorSessions(ctx: Context): Sessions<Operator> {
  return createSessionsFor(ctx, {
    table: 'operator_sessions',
    ownerColumn: 'operator_id',
    cookie: 'pm3k_operator',
    path: '/admin',
    sameSite: 'strict',
    lasts: [12, 'h'],
    findOwner: findOperator,
  });
}

/** By which the row of the session that asks is known. */
export function ownSession({ koa }: PageRequest): string {
  return koa.state['session'] as string;
}
