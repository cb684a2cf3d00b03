// Refuses state-changing form posts that do not prove to come from our own pages (CSRF).
import type { Middleware } from 'koa';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';

/**
 * Programs authenticate each request by key, TikTok by signature; neither can be tricked by a page.
 */
const EXEMPT = /^\/(v1|api|webhooks\/tiktok)(\/|$)/;

export function sameOriginOnly(ctx: Context): Middleware {
  const ownOrigin = new URL(ctx.config.PUBLIC_URL).origin;
  return async (koa, next) => {
    const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(koa.method);
    if (!isSafe && !EXEMPT.test(koa.path) && !isOwn(koa.get('Sec-Fetch-Site'), koa.get('Origin'))) {
      throw new Problem(
        'forbidden',
        `This form was not sent from a page of ${ownOrigin}. Open the page there and send it again.`,
      );
    }
    await next();
  };

  function isOwn(site: string, origin: string): boolean {
    return site ? site === 'same-origin' : origin === ownOrigin;
  }
}
