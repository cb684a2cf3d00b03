// Creates the pages of operators, which have a session and a cookie of their own.
import type Router from '@koa/router';
import { createSessionsFor, type Sessions } from '../access/sessions.ts';
import type { Context } from '../context/context.ts';
import { createPagesFor, type PageRequest, type Pages } from '../web/pages.ts';
import { findOperator, type Operator } from './store.ts';

export type OperatorPages = Pages<Operator>;

/** The pages that an operator may open before choosing a password. */
const FIRST_PAGES = ['/admin/password', '/admin/sign-out'];

export function createOperatorPages(router: Router, ctx: Context): OperatorPages {
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
          // The operator who made the initial password knows it, so it must be changed first.
          if (operator.password_is_initial && !FIRST_PAGES.includes(path)) {
            return request.go('/admin/password');
          }
          return handle(request, operator);
        },
        options,
      ),
  };
}

/** The browser sends this session's cookie only below `/admin`, and never from another site. */
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

/** Returns the id hash of the session that makes this request. */
export function readOwnSession({ koa }: PageRequest): string {
  return koa.state['session'] as string;
}
