// Pages of access: API keys, and the end of a session.
import type Router from '@koa/router';
import { issueKey, listKeys, removeKey } from '../access/keys.ts';
import { createSessions } from '../access/sessions.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/store.ts';
import { createPages } from '../web/pages.ts';

export function addKeysPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  const sessions = createSessions(ctx);

  pages.own('get', '/api-key', async ({ render }, creator) => {
    const { keyDays } = getPlanLimits(ctx.config, creator);
    render('access/api-keys', {
      title: 'API keys',
      keys: await listKeys(ctx, creator.id),
      issued: null,
      fault: null,
      key_days: keyDays,
      base_url: ctx.config.PUBLIC_URL,
    });
  });

  pages.own('post', '/api-key', async ({ koa, form, render }, creator) => {
    const { keyDays } = getPlanLimits(ctx.config, creator);
    let issued: { key: string; name: string } | null = null;
    let fault: string | null = null;
    try {
      const { key, row } = await issueKey(ctx, creator, form['name']?.trim() || 'default');
      issued = { key, name: row.name };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      koa.status = error.status;
      fault = error.message;
    }
    render('access/api-keys', {
      title: 'API keys',
      keys: await listKeys(ctx, creator.id),
      issued,
      fault,
      key_days: keyDays,
      base_url: ctx.config.PUBLIC_URL,
    });
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
