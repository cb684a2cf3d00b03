// Pages of API keys, and the form that signs out.
import type Router from '@koa/router';
import { issueKey, listKeys, removeKey } from '../access/keys.ts';
import { createSessions } from '../access/sessions.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { createPages, type PageRequest } from '../web/pages.ts';

/** Adds `/api-key` and `/sign-out`. */
export function addKeysPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  const sessions = createSessions(ctx);

  pages.own('get', '/api-key', (request, creator) => show(ctx, request, creator, {}));

  pages.own('post', '/api-key', async (request, creator) => {
    try {
      const name = request.form['name']?.trim() || 'default';
      const { key, row } = await issueKey(ctx, creator, name);
      await show(ctx, request, creator, { issued: { key, name: row.name } });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      await show(ctx, request, creator, { fault: error.message });
      request.koa.status = error.status;
    }
  });

  pages.own('post', '/api-key/removal', async ({ form, go }, creator) => {
    await removeKey(ctx, creator.id, form['name'] ?? '');
    go('/api-key');
  });

  pages.open('post', '/sign-out', async ({ koa, go }) => {
    koa.append('Set-Cookie', await sessions.end(koa.get('Cookie')));
    go('/');
  });
}

async function show(
  ctx: Context,
  { render }: PageRequest,
  creator: Creator,
  {
    issued = null,
    fault = null,
  }: { issued?: { key: string; name: string } | null; fault?: string | null },
): Promise<void> {
  render('account/api-keys', {
    title: 'API keys',
    keys: await listKeys(ctx, creator.id),
    issued,
    fault,
    key_days: getPlanLimits(ctx.config, creator).keyDays,
    base_url: ctx.config.PUBLIC_URL,
  });
}
