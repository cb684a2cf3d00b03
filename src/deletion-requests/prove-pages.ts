// The public pages of the one-time link: a button to sign in with TikTok, then one to confirm.
import type Router from '@koa/router';
import type { Context } from '../context/context.ts';
import { createPages, type PageRequest } from '../web/pages.ts';
import { confirmByLink, lookAtLink, PROOF_COOKIE } from './link.ts';

const TITLES = {
  begin: 'Show that the account is yours',
  confirm: 'Delete everything?',
  other_account: 'Not confirmed',
  confirmed: 'Thank you',
};

export function addProvePages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);

  pages.open('get', '/prove/:token', async (request) => {
    const { params, render } = request;
    keepPrivate(request);
    const token = params['token'] ?? '';
    const found = await lookAtLink(ctx, token, readBrowser(request));
    render(`deletion-requests/prove-${found.step.replace('_', '-')}`, {
      title: TITLES[found.step],
      token,
      ...found,
    });
  });

  pages.open('post', '/prove/:token', async (request) => {
    keepPrivate(request);
    const token = request.params['token'] ?? '';
    await confirmByLink(ctx, token, readBrowser(request));
    request.go(`/prove/${token}`);
  });
}

function readBrowser({ koa }: PageRequest): string | undefined {
  return koa.cookies.get(PROOF_COOKIE.name);
}

/** Drops the signed-in creator from the page, who may be another person than the link's. */
function keepPrivate({ koa }: PageRequest): void {
  koa.state['creator'] = null;
  koa.set('X-Robots-Tag', 'noindex, nofollow');
}
