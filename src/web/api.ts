// JSON routes as data: authentication, schemas, both paths of each route, and OpenAPI derive from one table.
import { Readable } from 'node:stream';
import bodyParser from '@koa/bodyparser';
import type Router from '@koa/router';
import type { Context as KoaContext, Middleware } from 'koa';
import type { z } from 'zod';
import { type ApiKey, authenticate } from '../access/keys.ts';
import { limitRequests, limitStrangers } from '../access/rate-limits.ts';
import { invalid, Problem } from '../base/errors.ts';
import type { Context, Manifest } from '../context/context.ts';
import type { Creator } from '../creators/store.ts';
import { closeSignal } from '../http/close-signal.ts';
import { parseWith } from '../http/validate.ts';

export interface ApiRequest<B = unknown, Q = unknown> {
  creator: Creator;
  key: ApiKey;
  body: B;
  query: Q;
  params: Record<string, string>;
  /** Aborts when the client has gone. */
  signal: AbortSignal;
  koa: KoaContext;
}

export interface ApiAnswer {
  status: number;
  /** Sent as JSON; a stream as it is, with the content type among the headers. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** The schema of a body, or what makes it of all modules that this instance has. */
type Body<B extends z.ZodType = z.ZodType> = B | ((modules: Manifest[]) => B);

/** One call of the API. `path` is below `/v1`, with `{name}` for parameters, unless it has a `root` of its own. */
export interface ApiRoute {
  method: 'get' | 'head' | 'post' | 'patch' | 'delete';
  path: string;
  root?: string;
  summary: string;
  body?: Body;
  query?: z.ZodType;
  /** Open also while the account is suspended or its plan has ended: leaving, and taking one's data along. */
  isAlwaysOpen?: boolean;
  /** The body is a stream that the handler reads by itself. */
  isUpload?: boolean;
  /** What such a body is, where it is no media file as a whole. */
  uploadType?: string;
  /** Headers of the request that the route understands, with what they do. */
  headers?: Record<string, string>;
  /** The shape of its errors, where it is not problem+json. */
  problem?: z.ZodType;
  /** Status → what it is, and what shape its body has. */
  answers: Record<number, string | { description: string; schema: z.ZodType }>;
  handle(ctx: Context, request: ApiRequest<never, never>): Promise<ApiAnswer>;
}

/** Types body and query of a route by its schemas. */
export function apiRoute<B extends z.ZodType, Q extends z.ZodType>(
  route: Omit<ApiRoute, 'handle' | 'body' | 'query'> & {
    body?: Body<B>;
    query?: Q;
    handle(ctx: Context, request: ApiRequest<z.output<B>, z.output<Q>>): Promise<ApiAnswer>;
  },
): ApiRoute {
  return route as unknown as ApiRoute;
}

/** What the key's creator may do at `/v1/x`, it may also do at `/v1/creators/{creator_id}/x`. */
export function addApiRoutes(router: Router, ctx: Context, routes: ApiRoute[]): void {
  const parse = bodyParser({
    enableTypes: ['json'],
    jsonLimit: '256kb',
    parsedMethods: ['POST', 'PATCH', 'DELETE'],
  });
  for (const route of routes) {
    const steps: Middleware[] = [authenticated(ctx, route)];
    if (!route.isUpload) steps.push(expectJson(route), parse);
    steps.push(answering(ctx, route));
    for (const path of listPaths(route)) router[route.method](path, ...(steps as never[]));
  }
}

export function listPaths(route: ApiRoute): string[] {
  const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
  if (route.root) return [`${route.root}${path}`];
  if (path.startsWith('/creators/')) return [`/v1${path}`];
  return [`/v1${path}`, `/v1/creators/:creator_id${path}`];
}

function authenticated(ctx: Context, { isAlwaysOpen = false }: ApiRoute): Middleware {
  return async (koa, next) => {
    const { creator, key } = await authenticate(ctx, koa.get('Authorization'), isAlwaysOpen).catch(
      async (error) => {
        await limitStrangers(ctx, koa);
        throw error;
      },
    );
    koa.set('Cache-Control', 'no-store');
    await limitRequests(ctx, koa, key.id);
    const named = (koa as unknown as { params: Record<string, string> }).params['creator_id'];
    if (named !== undefined && named !== 'me' && named !== creator.id) {
      throw new Problem('not_found', 'There is no such creator.');
    }
    koa.state['creator'] = creator;
    koa.state['key'] = key;
    await next();
  };
}

function expectJson(route: ApiRoute): Middleware {
  return async (koa, next) => {
    if (route.body && !koa.is('application/json', '+json')) {
      if (koa.request.length === 0 || !koa.get('Content-Type')) {
        throw invalid('', 'Expected a JSON body with `Content-Type: application/json`.');
      }
      throw new Problem('unsupported_media_type', 'Expected `Content-Type: application/json`.');
    }
    await next();
  };
}

export function findBodySchema({ body }: ApiRoute, modules: Manifest[]): z.ZodType | undefined {
  return typeof body === 'function' ? body(modules) : body;
}

function answering(ctx: Context, route: ApiRoute): Middleware {
  const bodySchema = findBodySchema(route, ctx.modules);
  return async (koa) => {
    const { params } = koa as unknown as { params: Record<string, string> };
    const request = {
      creator: koa.state['creator'],
      key: koa.state['key'],
      body: bodySchema && parseWith(bodySchema, koa.request.body, 'body'),
      query: route.query ? parseWith(route.query, { ...koa.query }, 'query') : undefined,
      params,
      signal: closeSignal(koa),
      koa,
    };
    sendAnswer(koa, await route.handle(ctx, request as never));
  };
}

export function sendAnswer(koa: KoaContext, answer: ApiAnswer): void {
  koa.status = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) koa.set(name, value);
  if (answer.body instanceof Readable) koa.body = answer.body;
  else if (answer.body !== undefined) {
    koa.body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    if (!answer.headers?.['Content-Type']) koa.type = 'application/json; charset=utf-8';
  }
}

declare module '../context/context.ts' {
  interface Manifest {
    /** Its JSON routes; they are served, and stand in the OpenAPI document. */
    api?: ApiRoute[];
  }
}
