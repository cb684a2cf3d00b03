// HTML pages: who is signed in, the form that was sent, and rendering into the layout.
import { join } from 'node:path';
import bodyParser from '@koa/bodyparser';
import type Router from '@koa/router';
import { Eta } from 'eta';
import type { Context as KoaContext } from 'koa';
import { createSessions } from '../access/sessions.ts';
import type { Context } from '../context.ts';
import type { Creator } from '../creators/store.ts';
import type { Problem } from '../errors.ts';
import { closeSignal } from './api.ts';
import * as words from './words.ts';

const eta = new Eta({ views: join(import.meta.dirname, '../../templates'), cache: true });

const escapeHtml = eta.config.escapeFunction;

export interface PageRequest {
  koa: KoaContext;
  params: Record<string, string>;
  form: Record<string, string>;
  signal: AbortSignal;
  /** Renders a template inside the layout; fragments go without. */
  render(template: string, view: { title: string } & Record<string, unknown>): void;
  fragment(template: string, view: Record<string, unknown>): void;
  /** 303, so that reloading does not send the form again. */
  go(path: string): void;
}

type Handler<C> = (request: PageRequest, creator: C) => Promise<void>;

export interface Pages {
  /** For everybody; the creator is null when nobody is signed in. */
  open(method: 'get' | 'post', path: string, handle: Handler<Creator | null>): void;
  /** For signed-in creators; others are led to the first page. */
  own(
    method: 'get' | 'post',
    path: string,
    handle: Handler<Creator>,
    options?: { is_upload: boolean },
  ): void;
}

export function createPages(router: Router, ctx: Context): Pages {
  const sessions = createSessions(ctx);
  const parse = bodyParser({ enableTypes: ['form'], formLimit: '64kb' });

  function add(
    method: 'get' | 'post',
    path: string,
    is_upload: boolean,
    handle: (request: PageRequest, creator: Creator | null) => Promise<void>,
  ): void {
    const answer = async (koa: KoaContext) => {
      const found = await sessions.find(koa.get('Cookie'));
      if (found?.cookie) koa.append('Set-Cookie', found.cookie);
      koa.state['creator'] = found?.creator ?? null;
      await handle(requestOf(ctx, koa), found?.creator ?? null);
    };
    if (is_upload) router[method](path, answer as never);
    else router[method](path, parse as never, answer as never);
  }

  return {
    open: (method, path, handle) => add(method, path, false, handle),
    own: (method, path, handle, { is_upload } = { is_upload: false }) =>
      add(method, path, is_upload, async (request, creator) => {
        if (creator) return handle(request, creator);
        if (request.koa.get('HX-Request')) request.koa.set('HX-Redirect', '/');
        request.go('/');
      }),
  };
}

function requestOf(ctx: Context, koa: KoaContext): PageRequest {
  return {
    koa,
    params: (koa as unknown as { params: Record<string, string> }).params ?? {},
    form: (koa.request.body ?? {}) as Record<string, string>,
    signal: closeSignal(koa),
    render(template, view) {
      koa.type = 'html';
      koa.set('Cache-Control', 'no-store');
      koa.body = renderPage(ctx, koa, template, view);
    },
    fragment(template, view) {
      koa.type = 'html';
      koa.set('Cache-Control', 'no-store');
      koa.body = eta.render(`./${template}`, { ...view, words, escapeHtml });
    },
    go(path) {
      koa.status = 303;
      koa.redirect(path);
      koa.status = 303;
    },
  };
}

function renderPage(
  ctx: Context,
  koa: KoaContext,
  template: string,
  view: { title: string } & Record<string, unknown>,
): string {
  const { OPERATOR_NAME, OPERATOR_EMAIL } = ctx.config;
  return eta.render(`./${template}`, {
    ...view,
    words,
    escapeHtml,
    page: {
      title: view.title,
      path: koa.path,
      creator: koa.state['creator'] ?? null,
      operator: OPERATOR_NAME ?? 'PM3K',
      operator_email: OPERATOR_EMAIL ?? null,
    },
  });
}

/** The page that tells a person what went wrong, and what to do now. */
export function pageOfProblem(ctx: Context) {
  return (koa: KoaContext, problem: Problem, request_id: string): string =>
    renderPage(ctx, koa, 'problem', {
      title: problem.title,
      detail: problem.message,
      code: problem.code,
      status: problem.status,
      retry_at: problem.extras.retry_at ?? null,
      request_id,
    });
}
