// Pages around connecting: the landing page, TikTok's redirect and callback, invitations.
import type Router from '@koa/router';
import { limitSignIns } from '../access/rate-limits.ts';
import { createSessions } from '../access/sessions.ts';
import { Problem } from '../base/errors.ts';
import { sha256 } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { beginProof, beginSignIn, exchangeCode } from '../creators/authorization.ts';
import { findInvitation } from '../creators/invitations.ts';
import { openLink, PROOF_COOKIE, recordSignIn } from '../deletion-requests/link.ts';
import { createPages } from '../web/pages.ts';
import { finishSignIn } from './sign-in.ts';

const BROWSER_COOKIE = 'pm3k_oauth';

export function addConnectionPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  const sessions = createSessions(ctx);
  const cookie = {
    httpOnly: true,
    sameSite: 'lax' as const,
    secure: ctx.config.PUBLIC_URL.startsWith('https:'),
    path: '/auth/tiktok',
    maxAge: 600_000,
    overwrite: true,
  };

  pages.open('get', '/', async ({ render, go }, creator) => {
    if (creator) return go('/jobs');
    render('landing', {
      title: 'Post to TikTok',
      needs_invitation: ctx.config.SIGN_UP === 'invite',
    });
  });

  pages.open('get', '/auth/tiktok', async ({ koa }) => {
    await limitSignIns(ctx, koa);
    const { invitation, proof } = koa.query;
    const { url, browser_token } =
      typeof proof === 'string'
        ? await beginProof(ctx, await openLink(ctx, proof))
        : await beginSignIn(ctx, typeof invitation === 'string' ? invitation : null);
    // The cookie library of Koa refuses "secure" on a connection that a proxy made plain.
    koa.cookies.secure = cookie.secure;
    koa.cookies.set(BROWSER_COOKIE, browser_token, cookie);
    koa.redirect(url);
  });

  pages.open('get', '/auth/tiktok/callback', async ({ koa, signal, go }) => {
    // Counted where it began: without that there is no state, and this leads nowhere.
    const text = (name: string) => {
      const value = koa.query[name];
      return typeof value === 'string' ? value : undefined;
    };
    const browserToken = koa.cookies.get(BROWSER_COOKIE);
    koa.cookies.secure = cookie.secure;
    koa.cookies.set(BROWSER_COOKIE, null, { ...cookie, maxAge: 0 });
    const returned = await exchangeCode(
      ctx,
      { code: text('code'), state: text('state'), error: text('error'), browserToken },
      signal,
    );
    if (returned.state.request_id) {
      const { path, maxAge } = PROOF_COOKIE;
      koa.cookies.set(PROOF_COOKIE.name, browserToken, { ...cookie, path, maxAge });
      return go(await recordSignIn(ctx, returned, signal));
    }
    const creator = await finishSignIn(ctx, returned, signal);
    koa.append('Set-Cookie', await sessions.start(creator.id));
    go('/jobs');
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
