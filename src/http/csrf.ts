// Refuses state-changing form posts that do not prove to come from our own pages (CSRF).
import type { Middleware } from 'koa';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';

/** Programs send a key and TikTok signs its requests: a foreign page can make a browser do neither. */
const EXEMPT = /^\/(v1|api|webhooks\/tiktok)(\/|$)/;

/**
 * Returns middleware that lets a form through only if the browser says that it comes from our
 * origin: by `Sec-Fetch-Site`, or by `Origin` from a browser that does not send the former.
 * @throws Problem `forbidden`.
 */
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
