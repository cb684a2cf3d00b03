// The pages around connecting: the landing page, TikTok's redirect and callback, invitations.
import type Router from '@koa/router';
import { limitSignIns } from '../access/rate-limits.ts';
import { createSessions } from '../access/sessions.ts';
import { Problem } from '../base/errors.ts';
import { sha256 } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { beginProof, beginSignIn, exchangeCode } from '../creators/authorization.ts';
import { findInvitation } from '../creators/invitations.ts';
import { openLink, PROOF_COOKIE, recordSignIn } from '../deletion-requests/link.ts';
import { createPages, type PageRequest, type Pages } from '../web/pages.ts';
import { finishSignIn } from './sign-in.ts';

const BROWSER_COOKIE = 'pm3k_oauth';

export function addConnectionPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  addLandingPages(pages, ctx);
  addTikTokPages(pages, ctx);
}

function addLandingPages(pages: Pages, ctx: Context): void {
  pages.open('get', '/', async ({ render, go }, creator) => {
    if (creator) return go('/jobs');
    render('landing', {
      title: 'Post to TikTok',
      needs_invitation: ctx.config.SIGN_UP === 'invite',
    });
  });

  pages.open('get', '/invite/:token', async ({ params, render }) => {
    const token = params['token'] ?? '';
    if (!(await findInvitation(ctx.db, sha256(token)))) {
      throw new Problem(
        'sign_up_closed',
        'This invitation was used already or has ended. Ask the operator for a new one.',
      );
    }
    render('creators/invitation', { title: 'You are invited', token });
  });
}

function addTikTokPages(pages: Pages, ctx: Context): void {
  const sessions = createSessions(ctx);
  const cookie = {
    httpOnly: true,
    sameSite: 'lax' as const,
    secure: ctx.config.PUBLIC_URL.startsWith('https:'),
    path: '/auth/tiktok',
    maxAge: 600_000,
    overwrite: true,
  };

  pages.open('get', '/auth/tiktok', async ({ koa }) => {
    await limitSignIns(ctx, koa);
    const { invitation, proof } = koa.query;
    const { url, browser_token } =
      typeof proof === 'string'
        ? await beginProof(ctx, await openLink(ctx, proof))
        : await beginSignIn(ctx, typeof invitation === 'string' ? invitation : null);
    // Behind a proxy the connection is plain HTTP, for which Koa's library refuses secure cookies.
    koa.cookies.secure = cookie.secure;
    koa.cookies.set(BROWSER_COOKIE, browser_token, cookie);
    koa.redirect(url);
  });

  pages.open('get', '/auth/tiktok/callback', async ({ koa, signal, go }) => {
    // No rate limit here: a callback needs the state that a limited request began.
    const browserToken = koa.cookies.get(BROWSER_COOKIE);
    koa.cookies.secure = cookie.secure;
    koa.cookies.set(BROWSER_COOKIE, null, { ...cookie, maxAge: 0 });
    const returned = await exchangeCode(ctx, { ...readAnswer(koa.query), browserToken }, signal);
    if (returned.state.request_id) {
      const { path, maxAge } = PROOF_COOKIE;
      koa.cookies.set(PROOF_COOKIE.name, browserToken, { ...cookie, path, maxAge });
      return go(await recordSignIn(ctx, returned, signal));
    }
    const creator = await finishSignIn(ctx, returned, signal);
    koa.append('Set-Cookie', await sessions.start(creator.id));
    go('/jobs');
  });
}

/** Reads what TikTok put into the callback's address; undefined for what is missing or repeated. */
function readAnswer(query: PageRequest['koa']['query']) {
  const text = (name: string) => {
    const value = query[name];
    return typeof value === 'string' ? value : undefined;
  };
  return { code: text('code'), state: text('state'), error: text('error') };
}
