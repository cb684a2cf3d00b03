// The pages where a creator signs out or deletes everything, and the receipt behind its link.
import type Router from '@koa/router';
import { createSessions } from '../access/sessions.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import type { Creator } from '../creators/store.ts';
import { declaredTables } from '../privacy/eraser.ts';
import { createPages, type PageRequest } from '../web/pages.ts';
import { isConfirmed, previewDeletion } from './deletion-preview.ts';
import { toReceiptView } from './receipt.ts';
import { requestDeletion } from './request.ts';
import { findByReceipt } from './store.ts';

const TOKEN = /^[A-Za-z0-9]{20,64}$/;

export function addDeletionPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  const sessions = createSessions(ctx);

  pages.own('get', '/sign-out', (request, creator) => showPreview(ctx, request, creator, null));

  pages.own('post', '/disconnect', async (request, creator) => {
    const { koa, form, go } = request;
    const typed = String(form['confirm'] ?? '');
    if (!isConfirmed(creator, typed)) {
      koa.status = 422;
      return showPreview(ctx, request, creator, typed);
    }
    const deletion = await requestDeletion(ctx, creator.id, 'self_service');
    koa.append('Set-Cookie', await sessions.end(koa.get('Cookie')));
    go(`/deletions/${deletion.receipt_token}`);
  });

  pages.open('get', '/deletions/:receipt', async (request) => {
    const receipt = await findReceiptView(ctx, request);
    request.render('deletion/show', { title: 'Deletion', receipt });
  });

  pages.open('get', '/deletions/:receipt/progress', async (request) => {
    request.fragment('deletion/receipt', { receipt: await findReceiptView(ctx, request) });
  });
}

async function showPreview(
  ctx: Context,
  { render }: PageRequest,
  creator: Creator,
  wrongName: string | null,
): Promise<void> {
  const preview = await previewDeletion(ctx, creator);
  render('account/sign-out', { title: 'Sign out', preview, wrong_name: wrongName });
}

/**
 * Drops the signed-in creator from the page, since a receipt names nobody and may be passed on.
 * @throws Problem `not_found` when the link fits no receipt.
 */
async function findReceiptView(ctx: Context, { koa, params }: PageRequest) {
  koa.state['creator'] = null;
  koa.set('X-Robots-Tag', 'noindex, nofollow');
  koa.set('Referrer-Policy', 'no-referrer');
  const token = params['receipt'] ?? '';
  const deletion = TOKEN.test(token) ? await findByReceipt(ctx.db, token) : undefined;
  if (!deletion) {
    throw new Problem(
      'not_found',
      'There is no receipt at this address. Receipts are removed after some time, or a character of the link may be missing.',
    );
  }
  return toReceiptView(deletion, declaredTables(ctx.modules), ctx.config);
}
