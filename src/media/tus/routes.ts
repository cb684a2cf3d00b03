// Where resumable uploads are answered beside the JSON API: who asks what is offered, and the dashboard's own.
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { createSessions } from '../../access/sessions.ts';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { type ApiRoute, addApiRoutes, sendAnswer } from '../../web/api.ts';
import { createPages } from '../../web/pages.ts';
import { tusCall } from './api.ts';
import { discard } from './finish.ts';
import { findUpload } from './store.ts';
import { EXTENSIONS } from './tus.ts';

/** Of some networks nothing but GET and POST comes through; the protocol has a header for that. */
const OVERRIDDEN: ApiRoute = {
  method: 'post',
  path: '/uploads/{upload_id}',
  summary: 'With X-HTTP-Method-Override.',
  isUpload: true,
  answers: {},
  handle: (ctx, request) => tusCall(ctx, request, overriding(request.koa)),
};

function overriding(koa: KoaContext): string {
  const method = koa.get('X-HTTP-Method-Override').toUpperCase();
  if (['PATCH', 'HEAD', 'DELETE'].includes(method)) return method;
  throw new Problem('method_not_allowed', 'Expected X-HTTP-Method-Override with PATCH or DELETE.');
}

export function addUploadRoutes(router: Router, ctx: Context): void {
  for (const path of ['/v1/uploads', '/v1/creators/:creator_id/uploads', '/uploads']) {
    // Clients ask before they have a key, and learn nothing about anybody.
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

/** By session; the same-origin check has been made, as for every form. */
function addDashboardRoutes(router: Router, ctx: Context): void {
  const sessions = createSessions(ctx);
  const answer = (method: string) => async (koa: KoaContext) => {
    const found = await sessions.find(koa.get('Cookie'));
    if (!found) throw new Problem('unauthorized', 'Your session is over. Sign in again.');
    if (found.cookie) koa.append('Set-Cookie', found.cookie);
    koa.set('Cache-Control', 'no-store');
    const { params } = koa as unknown as { params: Record<string, string> };
    const creator: Creator = found.owner;
    sendAnswer(koa, await tusCall(ctx, { creator, koa, params }, method));
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
