// The pages on which operators add and remove each other.
import type Router from '@koa/router';
import { z } from 'zod';
import { Problem } from '../base/errors.ts';
import { randomToken } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { createOperatorPages } from './pages.ts';
import { hashPassword } from './passwords.ts';
import {
  audit,
  findOperator,
  insertOperator,
  listOperators,
  type Operator,
  removeOperator,
} from './store.ts';

const email = z.email({ error: 'Expected an email address.' }).max(320);
const uuid = z.uuid();

/** What came of adding an operator. */
interface Outcome {
  added?: { email: string; password: string };
  fault?: string;
}

export function addOperatorsPages(router: Router, ctx: Context): void {
  const pages = createOperatorPages(router, ctx);

  pages.own('get', '/admin/operators', async ({ render }, operator) =>
    render('operators/operators', await toOperatorsView(ctx, operator)),
  );

  pages.own('post', '/admin/operators', async ({ koa, form, render }, operator) => {
    const parsed = email.safeParse(String(form['email'] ?? '').trim());
    const outcome = parsed.success
      ? await addOperator(ctx, operator, parsed.data)
      : { fault: 'Expected an email address.' };
    if (outcome.fault) koa.status = 400;
    render('operators/operators', await toOperatorsView(ctx, operator, outcome));
  });

  pages.own('post', '/admin/operators/:id/removal', async ({ params, go }, operator) => {
    const id = uuid.safeParse(params['id']);
    const other = id.success ? await findOperator(ctx.db, id.data) : undefined;
    if (!other) throw new Problem('not_found', 'There is no such operator.');
    if (isConfigured(ctx, other)) {
      throw new Problem(
        'state_conflict',
        'ADMIN_EMAIL names this operator, so the next start would add them again. Change it first.',
      );
    }
    await ctx.db.transaction(async (trx) => {
      await removeOperator(trx, other.id);
      await audit(trx, { operator, act: 'operator.removed_operator', subject: other.email });
    });
    go('/admin/operators');
  });
}

async function toOperatorsView(ctx: Context, own: Operator, { added, fault }: Outcome = {}) {
  return {
    title: 'Operators',
    operators: (await listOperators(ctx.db)).map((each) => ({
      id: each.id,
      email: each.email,
      created_at: each.created_at,
      has_second_factor: each.totp_confirmed_at !== null,
      is_waiting: each.password_is_initial,
      is_own: each.id === own.id,
      is_configured: isConfigured(ctx, each),
    })),
    added: added ?? null,
    fault: fault ?? null,
  };
}

/** Returns an initial password, which is shown once and must be changed at the first sign-in. */
async function addOperator(ctx: Context, operator: Operator, address: string): Promise<Outcome> {
  const password = randomToken(120);
  const passwordHash = await hashPassword(password);
  const added = await ctx.db.transaction(async (trx) => {
    const row = await insertOperator(trx, {
      email: address,
      password_hash: passwordHash,
      password_is_initial: true,
    });
    if (row) await audit(trx, { operator, act: 'operator.added_operator', subject: row.email });
    return row;
  });
  if (!added) return { fault: 'An operator with this email exists already.' };
  return { added: { email: added.email, password } };
}

function isConfigured(ctx: Context, operator: Operator): boolean {
  return operator.email === ctx.config.ADMIN_EMAIL?.toLowerCase();
}
