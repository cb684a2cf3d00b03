// The legal pages, the export on the dashboard, and the file by which TikTok verifies the site.
import type Router from '@koa/router';
import type { Context } from '../context/context.ts';
import { createPages } from '../web/pages.ts';
import { exportHeaders } from './api.ts';
import { createExport } from './exporter.ts';
import { legalView } from './legal.ts';

export function addPrivacyPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  const legal = legalView(ctx.config, ctx.modules);

  pages.open('get', '/data-deletion', async ({ render }) =>
    render('legal/data-deletion', { title: 'Data deletion', legal }),
  );
  pages.open('get', '/privacy', async ({ render }) =>
    render('legal/privacy', { title: 'Privacy', legal }),
  );
  pages.open('get', '/terms', async ({ render }) =>
    render('legal/terms', { title: 'Terms of service', legal }),
  );

  pages.own('get', '/export', async ({ koa }, creator) => {
    koa.set(exportHeaders());
    if (koa.method !== 'HEAD') koa.body = createExport(ctx, creator.id);
    else koa.status = 200;
  });

  const [file, ...content] = ctx.config.TIKTOK_SITE_VERIFICATION?.split('=') ?? [];
  if (!file) return;
  router.get(`/${file}`, (koa) => {
    koa.type = 'text/plain';
    koa.body = content.join('=');
  });
}
