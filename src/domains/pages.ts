// The page of domains: add one, see its token, verify it and remove it.
import type Router from '@koa/router';
import { limitVerifications } from '../access/rate-limits.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { judgeHost } from '../safe-fetch/urls.ts';
import { createPages, type PageRequest } from '../web/pages.ts';
import { assertPlanHasUrls } from './sources.ts';
import { addDomain, getDomain, listDomains, removeDomain } from './store.ts';
import { checkDomain, VERIFICATION_FILE, verificationUrl } from './verify.ts';

export function addDomainPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);

  pages.own('get', '/domains', (request, creator) => show(ctx, request, creator, {}));

  pages.own('post', '/domains', async (request, creator) => {
    const given = String(request.form['host'] ?? '').trim();
    try {
      assertPlanHasUrls(ctx, creator);
      const host = judgeHost(given, ctx.safeFetch.policy);
      const { domain } = await addDomain(ctx.db, creator.id, host);
      request.go(`/domains#${domain.id}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      await show(ctx, request, creator, { given, fault: error.message });
      request.koa.status = error.status;
    }
  });

  // The result is stored with the domain, and the page shows it.
  pages.own('post', '/domains/:id/verification', async ({ params, signal, go }, creator) => {
    assertPlanHasUrls(ctx, creator);
    const domain = await getDomain(ctx.db, creator.id, params['id'] ?? '');
    await limitVerifications(ctx, creator.id);
    await checkDomain(ctx, domain, signal);
    go(`/domains#${domain.id}`);
  });

  pages.own('post', '/domains/:id/removal', async ({ params, go }, creator) => {
    await removeDomain(ctx.db, creator.id, params['id'] ?? '');
    go('/domains');
  });
}

async function show(
  ctx: Context,
  { render }: PageRequest,
  creator: Creator,
  { given = '', fault = null }: { given?: string; fault?: string | null },
): Promise<void> {
  const domains = await listDomains(ctx.db, creator.id);
  render('domains/list', {
    title: 'Domains',
    domains: domains.map((domain) => ({ ...domain, url: verificationUrl(ctx, domain.host) })),
    file: VERIFICATION_FILE.slice(1),
    given,
    fault,
    plan: getPlanLimits(ctx.config, creator).verifiedUrls ? null : creator.plan,
  });
}
