// Serves HTML pages: finds who is signed in, parses forms, and renders templates.
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
import { readParams } from '../http/read-params.ts';

const eta = new Eta({ views: join(import.meta.dirname, '../../templates'), cache: true });

const escapeHtml = eta.config.escapeFunction;

/** What a page's handler gets. */
export interface PageRequest {
  koa: KoaContext;
  params: Record<string, string>;
  form: Record<string, string>;
  signal: AbortSignal;
  /** Answers with a template inside the layout. */
  render(template: string, view: { title: string } & Record<string, unknown>): void;
  /** Answers with a template alone, for a script that replaces a part of the page. */
  fragment(template: string, view: Record<string, unknown>): void;
  /** Answers 303, so that a reload does not send the form again. */
  go(path: string): void;
}

type Handler<Owner> = (request: PageRequest, owner: Owner) => Promise<void>;

export interface Pages<Owner = Creator> {
  /** Adds a page for everybody. Its handler gets null if nobody is signed in. */
  open(method: 'get' | 'post', path: string, handle: Handler<Owner | null>): void;
  /** Adds a page for people who are signed in. Others are sent to `signInPath`. */
  own(
    method: 'get' | 'post',
    path: string,
    handle: Handler<Owner>,
    options?: { isUpload: boolean },
  ): void;
}

/** One kind of people: their sessions, and where they sign in. */
export interface Audience<Owner> {
  /** The name under which the layout finds who is signed in. */
  name: 'creator' | 'operator';
  signInPath: string;
  sessions: Sessions<Owner>;
}

/** Returns functions that add pages for creators. */
export function createPages(router: Router, ctx: Context): Pages {
  const sessions = createSessions(ctx);
  return createPagesFor(router, ctx, { name: 'creator', signInPath: '/', sessions });
}

/** Returns functions that add pages for another kind of people. */
export function createPagesFor<Owner>(
  router: Router,
  ctx: Context,
  { name, signInPath, sessions }: Audience<Owner>,
): Pages<Owner> {
  const parse = bodyParser({ enableTypes: ['form'], formLimit: '64kb' });
  const views = createViews(ctx);

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
      await handle(createPageRequest(views, koa), found?.owner ?? null);
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
        // htmx would follow a 303 and put the sign-in page into this one.
        request.koa.set('HX-Redirect', signInPath);
        request.koa.status = 204;
      }),
  };
}

function createPageRequest(views: Views, koa: KoaContext): PageRequest {
  return {
    koa,
    params: readParams(koa),
    form: (koa.request.body ?? {}) as Record<string, string>,
    signal: closeSignal(koa),
    render(template, view) {
      koa.type = 'html';
      koa.set('Cache-Control', 'no-store');
      koa.body = views.page(koa, template, view);
    },
    fragment(template, view) {
      koa.type = 'html';
      koa.set('Cache-Control', 'no-store');
      koa.body = views.fragment(template, view);
    },
    go(path) {
      koa.status = 303;
      koa.redirect(path);
      koa.status = 303;
    },
  };
}

interface Views {
  /** A template inside the layout. */
  page(
    koa: KoaContext,
    template: string,
    view: { title: string } & Record<string, unknown>,
  ): string;
  fragment(template: string, view: Record<string, unknown>): string;
}

/** Returns what renders templates; the words of the modules are gathered once, not for each page. */
function createViews(ctx: Context): Views {
  const words = gatherWords(ctx);
  const { OPERATOR_NAME, OPERATOR_EMAIL, SOURCE_URL } = ctx.config;
  const fragment: Views['fragment'] = (template, view) =>
    eta.render(`./${template}`, { ...view, words, escapeHtml });
  return {
    fragment,
    page(koa, template, view) {
      const page = {
        title: view.title,
        path: koa.path,
        creator: koa.state['creator'] ?? null,
        operator: koa.state['operator'] ?? null,
        operator_name: OPERATOR_NAME ?? 'PM3K',
        operator_email: OPERATOR_EMAIL ?? null,
        source_url: SOURCE_URL ?? null,
      };
      return fragment(template, { ...view, page });
    },
  };
}

/**
 * Returns what templates find under `words`: our formats, the functions of the modules, and under
 * `states` the modules' words for states.
 */
function gatherWords({ modules }: Context): Record<string, unknown> {
  const labels = modules.map((module) => module.labels ?? {});
  const states = Object.assign({}, ...labels.map((each) => each.states ?? {}));
  return Object.assign({ states }, format, ...labels.map((each) => each.functions ?? {}));
}

/** Returns the function that renders the page of a Problem: what happened, and what to do now. */
export function createProblemPage(ctx: Context) {
  const sessions = createSessions(ctx);
  const views = createViews(ctx);
  return async (koa: KoaContext, problem: Problem, requestId: string): Promise<string> => {
    if (isBeforeSession(koa, problem)) {
      // The page must also appear while the database is away.
      const found = await sessions.find(koa.get('Cookie')).catch(() => null);
      if (found?.cookie) koa.append('Set-Cookie', found.cookie);
      koa.state['creator'] = found?.owner ?? null;
    }
    return views.page(koa, 'problem', {
      title: problem.title,
      detail: problem.message,
      code: problem.code,
      status: problem.status,
      retry_at: problem.extras.retry_at ?? null,
      request_id: requestId,
    });
  };
}

/** Returns true for a 404 outside /admin that was thrown before the session was loaded. */
function isBeforeSession({ state, path }: KoaContext, { code }: Problem): boolean {
  const isLookedUp = state['creator'] !== undefined || state['operator'] !== undefined;
  return code === 'not_found' && !isLookedUp && !/^\/admin(\/|$)/.test(path);
}
