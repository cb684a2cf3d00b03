// Routes of resumable uploads besides the JSON API: OPTIONS, method override, and the dashboard's.
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { createSessions } from '../../access/sessions.ts';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { readParams } from '../../http/read-params.ts';
import { type ApiRoute, addApiRoutes, sendAnswer } from '../../web/api.ts';
import { createPages } from '../../web/pages.ts';
import { tusCall } from './api.ts';
import { EXTENSIONS } from './data-store.ts';
import { discard } from './finish.ts';
import { findUpload } from './store.ts';

/** Some networks let only GET and POST through. The protocol has a header that names the method. */
const OVERRIDDEN: ApiRoute = {
  method: 'post',
  path: '/uploads/{upload_id}',
  summary: 'With X-HTTP-Method-Override.',
  isUpload: true,
  answers: {},
  handle: (ctx, request) => tusCall(ctx, request, readOverride(request.koa)),
};

function readOverride(koa: KoaContext): string {
  const method = koa.get('X-HTTP-Method-Override').toUpperCase();
  if (['PATCH', 'HEAD', 'DELETE'].includes(method)) return method;
  throw new Problem(
    'method_not_allowed',
    'Expected X-HTTP-Method-Override with PATCH, HEAD or DELETE.',
  );
}

/** Adds the routes. */
export function addUploadRoutes(router: Router, ctx: Context): void {
  for (const path of ['/v1/uploads', '/v1/creators/:creator_id/uploads', '/uploads']) {
    // OPTIONS needs no key, since clients ask before they have one.
    for (const each of [path, `${path}/:upload_id`]) {
      router.options(each, (koa) => {
        koa.status = 204;
        koa.set('Tus-Resumable', '1.0.0');
        koa.set('Tus-Version', '1.0.0');
        koa.set('Tus-Extension', EXTENSIONS.join(','));
      });
    }
  }
  addApiRoutes(router, ctx, [OVERRIDDEN]);
  addDashboardRoutes(router, ctx);
}

/** Adds the routes that browsers use with a session. The same-origin check applies to them. */
function addDashboardRoutes(router: Router, ctx: Context): void {
  const sessions = createSessions(ctx);
  const answer = (method: string) => async (koa: KoaContext) => {
    const found = await sessions.find(koa.get('Cookie'));
    if (!found) throw new Problem('unauthorized', 'Your session is over. Sign in again.');
    if (found.cookie) koa.append('Set-Cookie', found.cookie);
    koa.set('Cache-Control', 'no-store');
    const creator: Creator = found.owner;
    sendAnswer(koa, await tusCall(ctx, { creator, koa, params: readParams(koa) }, method));
  };
  createPages(router, ctx).own(
    'post',
    '/uploads/:upload_id/removal',
    async ({ params, go }, creator) => {
      const upload = await findUpload(ctx.db, creator.id, params['upload_id'] ?? '');
      if (upload) await discard(ctx, upload.id);
      go('/media');
    },
  );
  router.post('/uploads', answer('POST') as never);
  router.head('/uploads/:upload_id', answer('HEAD') as never);
  router.patch('/uploads/:upload_id', answer('PATCH') as never);
  router.delete('/uploads/:upload_id', answer('DELETE') as never);
}
