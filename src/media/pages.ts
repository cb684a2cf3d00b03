// Pages of uploads: the list, the upload form, and each file at its public address.
import type Router from '@koa/router';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/rules.ts';
import { readParams } from '../http/read-params.ts';
import { createPages } from '../web/pages.ts';
import { removeMedia } from './remove.ts';
import { serveMedia } from './serve.ts';
import { listMedia, type Media } from './store.ts';
import { listUnfinishedUploads } from './tus/store.ts';
import { receiveUploads } from './upload-http.ts';
import { sumMedia } from './usage.ts';

export function addMediaPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);

  pages.own('get', '/media', async ({ render }, creator) => {
    const { uploadBytes, mediaDays } = getPlanLimits(ctx.config, creator);
    render('media/list', {
      title: 'Media',
      media: await listMedia(ctx.db, creator.id),
      unfinished: await listUnfinishedUploads(ctx.db, creator.id),
      stored: await sumMedia(ctx.db, creator.id),
      upload_bytes: uploadBytes,
      media_days: mediaDays,
    });
  });

  // The form without scripts. With scripts the page sends each file by tus.
  pages.own(
    'post',
    '/media',
    async ({ koa, signal, go }, creator) =>
      go(findComposer(await receiveUploads(ctx, koa, creator, signal))),
    { isUpload: true },
  );

  pages.own('post', '/media/:storage_key/removal', async ({ params, go }, creator) => {
    await removeMedia(ctx, creator.id, params['storage_key'] ?? '');
    go('/media');
  });

  // The router serves HEAD, too. No session is needed: the key is unguessable, and players have
  // none.
  router.get('/media/:storage_key', async (koa) => {
    await serveMedia(ctx, koa, readParams(koa)['storage_key'] ?? '');
  });
}

/**
 * Returns the composer's address: for one file, for several photos, or to choose from a mixture.
 */
function findComposer([first, ...others]: [Media, ...Media[]]): string {
  if (others.length === 0) return `/jobs/new?media=${first.storage_key}`;
  const all = [first, ...others];
  if (!all.every(({ facts }) => facts.kind === 'photo')) return '/jobs/new';
  return `/jobs/new?${new URLSearchParams(all.map(({ storage_key }) => ['photo', storage_key]))}`;
}
