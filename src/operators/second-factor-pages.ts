// The pages on which operators set up and remove their second factor.
import type Router from '@koa/router';
import { renderSVG } from 'uqr';
import { databaseNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import type { PageRequest } from '../web/pages.ts';
import { createOperatorPages, readOwnSession } from './pages.ts';
import { newSecret, readEnrolment } from './second-factor.ts';
import { tryCode } from './sign-in.ts';
import { audit, endOtherSessions, type Operator, updateOperator } from './store.ts';

const PATH = '/admin/second-factor';
const WRONG_CODE = 'This code is wrong or was used already. Wait for the next one.';

export function addSecondFactorPages(router: Router, ctx: Context): void {
  const pages = createOperatorPages(router, ctx);

  pages.own('get', PATH, async ({ render }, operator) =>
    render('operators/second-factor', toSecondFactorView(ctx, operator)),
  );

  pages.own('post', PATH, async ({ go }, operator) => {
    // A new secret would lock out the phone that is set up.
    if (operator.totp_confirmed_at) throw alreadySetUp();
    const totpSecret = newSecret(ctx, operator.id);
    await updateOperator(ctx.db, operator.id, { totp_secret: totpSecret, totp_last_step: null });
    go(PATH);
  });

  pages.own('post', `${PATH}/confirmation`, async (request, operator) => {
    if (operator.totp_confirmed_at) throw alreadySetUp();
    if (!(await tryCode(ctx, operator, readCode(request)))) return refuse(ctx, request, operator);
    await ctx.db.transaction(async (trx) => {
      await updateOperator(trx, operator.id, { totp_confirmed_at: databaseNow() });
      await endOtherSessions(trx, operator.id, readOwnSession(request));
      await audit(trx, { operator, act: 'operator.set_up_second_factor' });
    });
    request.go('/admin/account');
  });

  pages.own('post', `${PATH}/removal`, async (request, operator) => {
    if (!(await tryCode(ctx, operator, readCode(request)))) return refuse(ctx, request, operator);
    const none = { totp_secret: null, totp_confirmed_at: null, totp_last_step: null };
    await ctx.db.transaction(async (trx) => {
      await updateOperator(trx, operator.id, none);
      await audit(trx, { operator, act: 'operator.removed_second_factor' });
    });
    request.go('/admin/account');
  });
}

function toSecondFactorView(ctx: Context, operator: Operator, fault: string | null = null) {
  const isBegun = operator.totp_secret !== null && operator.totp_confirmed_at === null;
  const { secret, uri } = isBegun ? readEnrolment(ctx, operator) : { secret: null, uri: null };
  return {
    title: 'Second factor',
    is_set_up: operator.totp_confirmed_at !== null,
    secret,
    uri,
    qr: uri && renderSVG(uri, { border: 2 }),
    fault,
  };
}

function readCode({ form }: PageRequest): string {
  return String(form['code'] ?? '');
}

function refuse(ctx: Context, request: PageRequest, operator: Operator): void {
  request.koa.status = 400;
  request.render('operators/second-factor', toSecondFactorView(ctx, operator, WRONG_CODE));
}

function alreadySetUp(): Problem {
  return new Problem('state_conflict', 'A second factor is already set up. Remove it first.');
}
