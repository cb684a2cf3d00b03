// The pages on which operators find a creator, suspend the account, or set its plan.
import type Router from '@koa/router';
import { z } from 'zod';
import type { Context } from '../../context/context.ts';
import { searchCreators, setPlan, setSuspended } from '../../creators/administration.ts';
import { type Creator, findCreator, noCreator } from '../../creators/store.ts';
import { parseWith } from '../../http/validate.ts';
import { createOperatorPages, type OperatorPages } from '../pages.ts';
import { audit } from '../store.ts';
import { countHoldings } from './store.ts';

const SHOWN = 50;
const uuid = z.uuid();
/** The plan lasts until the end of the day `ends_on` in UTC; without a day it does not end. */
const planForm = z.object({
  plan: z.enum(['free', 'trial', 'paid']),
  ends_on: z
    .union([z.literal(''), z.iso.date()])
    .default('')
    .transform((day) => (day ? new Date(`${day}T23:59:59.999Z`) : null)),
});

export function addCreatorPages(router: Router, ctx: Context): void {
  const pages = createOperatorPages(router, ctx);

  pages.own('get', '/admin/creators', async ({ koa, render }) => {
    const asked = koa.query['q'];
    const words = typeof asked === 'string' ? asked.replaceAll('\0', '').trim().slice(0, 200) : '';
    const creators = await searchCreators(ctx.db, words, SHOWN + 1);
    render('operators/creators', {
      title: 'Creators',
      words_asked: words,
      creators: creators.slice(0, SHOWN),
      is_more: creators.length > SHOWN,
    });
  });

  pages.own('get', '/admin/creators/:id', async ({ params, render }) => {
    const creator = await getShown(ctx, params);
    render('operators/creator', {
      title: 'Creator',
      creator,
      ...(await countHoldings(ctx.db, creator.id)),
    });
  });

  addSuspensionPages(pages, ctx);
  addPlanPages(pages, ctx);
}

function addSuspensionPages(pages: OperatorPages, ctx: Context): void {
  for (const isSuspended of [true, false]) {
    const path = `/admin/creators/:id/suspension${isSuspended ? '' : '/removal'}`;
    pages.own('post', path, async ({ params, go }, operator) => {
      const { id } = await getShown(ctx, params);
      const act = isSuspended ? 'creator.suspended' : 'creator.unsuspended';
      await ctx.db.transaction(async (trx) => {
        if (await setSuspended(trx, id, isSuspended)) await audit(trx, { operator, act });
      });
      // The log line holds no id of the creator, since it outlives the account.
      ctx.log.info({ event: act, operator_id: operator.id });
      go(`/admin/creators/${id}`);
    });
  }
}

function addPlanPages(pages: OperatorPages, ctx: Context): void {
  pages.own('post', '/admin/creators/:id/plan', async ({ params, form, go }, operator) => {
    const { id } = await getShown(ctx, params);
    const { plan, ends_on } = parseWith(planForm, form, 'form');
    await ctx.db.transaction(async (trx) => {
      await setPlan(trx, id, plan, ends_on);
      await audit(trx, { operator, act: 'creator.plan_set', subject: plan });
    });
    ctx.log.info({ event: 'creator.plan_set', operator_id: operator.id });
    go(`/admin/creators/${id}`);
  });
}

/** @throws Problem `not_found`. */
async function getShown(ctx: Context, params: Record<string, string>): Promise<Creator> {
  const id = uuid.safeParse(params['id']);
  const creator = id.success ? await findCreator(ctx.db, id.data) : undefined;
  if (!creator) throw noCreator();
  return creator;
}
