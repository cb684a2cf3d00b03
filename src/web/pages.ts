// HTML pages: who is signed in, the form that was sent, and rendering into the layout.

import { join } from 'node:path';
import bodyParser from '@koa/bodyparser';
import type Router from '@koa/router';
import { Eta } from 'eta';
import type { Context as KoaContext } from 'koa';
import { createSessions, type Sessions } from '../access/sessions.ts';
import type { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import type { Creator } from '../creators/store.ts';
import { closeSignal } from '../http/close-signal.ts';
import * as format from '../http/format.ts';

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

type Handler<Owner> = (request: PageRequest, owner: Owner) => Promise<void>;

export interface Pages<Owner = Creator> {
  /** For everybody; null when nobody is signed in. */
  open(method: 'get' | 'post', path: string, handle: Handler<Owner | null>): void;
  /** For those signed in; others are led to where one signs in. */
  own(
    method: 'get' | 'post',
    path: string,
    handle: Handler<Owner>,
    options?: { isUpload: boolean },
  ): void;
}

/** Whose pages they are: how they are recognised, and where a stranger is led. */
export interface Audience<Owner> {
  /** Under which name the layout finds who is signed in. */
  name: 'creator' | 'admin';
  signInPath: string;
  sessions: Sessions<Owner>;
}

/** Pages of creators. */
export function createPages(router: Router, ctx: Context): Pages {
  const sessions = createSessions(ctx);
  return createPagesFor(router, ctx, { name: 'creator', signInPath: '/', sessions });
}

export function createPagesFor<Owner>(
  router: Router,
  ctx: Context,
  { name, signInPath, sessions }: Audience<Owner>,
): Pages<Owner> {
  const parse = bodyParser({ enableTypes: ['form'], formLimit: '64kb' });

  function add(
    method: 'get' | 'post',
    path: string,
    isUpload: boolean,
    handle: Handler<Owner | null>,
  ): void {
    const answer = async (koa: KoaContext) => {
      const found = await sessions.find(koa.get('Cookie'));
      if (found?.cookie) koa.append('Set-Cookie', found.cookie);
      koa.state[name] = found?.owner ?? null;
      koa.state['session'] = found?.id_hash ?? null;
      await handle(createPageRequest(ctx, koa), found?.owner ?? null);
    };
    if (isUpload) router[method](path, answer as never);
    else router[method](path, parse as never, answer as never);
  }

  return {
    open: (method, path, handle) => add(method, path, false, handle),
    own: (method, path, handle, { isUpload } = { isUpload: false }) =>
      add(method, path, isUpload, async (request, owner) => {
        if (owner) return handle(request, owner);
        if (!request.koa.get('HX-Request')) return request.go(signInPath);
        // A script would follow a 303 by itself, and put that page into this one.
        request.koa.set('HX-Redirect', signInPath);
        request.koa.status = 204;
      }),
  };
}

function createPageRequest(ctx: Context, koa: KoaContext): PageRequest {
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
      koa.body = eta.render(`./${template}`, { ...view, words: wordsFor(ctx), escapeHtml });
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
  const { OPERATOR_NAME, OPERATOR_EMAIL, SOURCE_URL } = ctx.config;
  return eta.render(`./${template}`, {
    ...view,
    words: wordsFor(ctx),
    escapeHtml,
    page: {
      title: view.title,
      path: koa.path,
      creator: koa.state['creator'] ?? null,
      admin: koa.state['admin'] ?? null,
      operator: OPERATOR_NAME ?? 'PM3K',
      operator_email: OPERATOR_EMAIL ?? null,
      source_url: SOURCE_URL ?? null,
    },
  });
}

/** The functions that templates find under `words`: sizes and times, and what the modules add. */
function wordsFor({ modules }: Context): Record<string, unknown> {
  return Object.assign({}, format, ...modules.map((module) => module.labels?.functions ?? {}));
}

/** The page that tells a person what went wrong, and what to do now. */
export function pageOfProblem(ctx: Context) {
  const sessions = createSessions(ctx);
  return async (koa: KoaContext, problem: Problem, requestId: string): Promise<string> => {
    if (isOfNoPage(koa, problem)) {
      // What went wrong is told without the database, too.
      const found = await sessions.find(koa.get('Cookie')).catch(() => null);
      if (found?.cookie) koa.append('Set-Cookie', found.cookie);
      koa.state['creator'] = found?.owner ?? null;
    }
    return renderPage(ctx, koa, 'problem', {
      title: problem.title,
      detail: problem.message,
      code: problem.code,
      status: problem.status,
      retry_at: problem.extras.retry_at ?? null,
      request_id: requestId,
    });
  };
}

/** Where no page has looked yet who is signed in; the operators' pages are none of the creators'. */
function isOfNoPage({ state, path }: KoaContext, { code }: Problem): boolean {
  const isLookedUp = state['creator'] !== undefined || state['admin'] !== undefined;
  return code === 'not_found' && !isLookedUp && !/^\/admin(\/|$)/.test(path);
}
