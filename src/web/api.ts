// Serves JSON routes that are declared as data: key, schemas, and both paths of each route.
import { Readable } from 'node:stream';
import bodyParser from '@koa/bodyparser';
import type Router from '@koa/router';
import type { Context as KoaContext, Middleware } from 'koa';
import type { z } from 'zod';
import { type ApiKey, authenticate } from '../access/keys.ts';
import { limitRequests, limitStrangers } from '../access/rate-limits.ts';
import { invalid, Problem } from '../base/errors.ts';
import type { Context, Manifest } from '../context/context.ts';
import { type Creator, noCreator } from '../creators/store.ts';
import { closeSignal } from '../http/close-signal.ts';
import { readParams } from '../http/read-params.ts';
import { parseWith } from '../http/validate.ts';

/** What a route's handler gets: who asks, and the parsed request. */
export interface ApiRequest<B = unknown, Q = unknown> {
  creator: Creator;
  key: ApiKey;
  body: B;
  query: Q;
  params: Record<string, string>;
  /** Aborts if the client closes the connection. */
  signal: AbortSignal;
  koa: KoaContext;
}

/** What a route's handler returns. */
export interface ApiAnswer {
  status: number;
  /** A text or a stream is sent unchanged; every other value is sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** The schema of a body, or a function that makes it from all modules of this instance. */
type Body<B extends z.ZodType = z.ZodType> = B | ((modules: Manifest[]) => B);

/**
 * One call of the API. `path` is below `/v1`, or below `root` if given; `{name}` is a parameter.
 */
export interface ApiRoute {
  method: 'get' | 'head' | 'post' | 'patch' | 'delete';
  path: string;
  root?: string;
  summary: string;
  body?: Body;
  query?: z.ZodType;
  /**
   * Works also while the account is suspended or its plan has ended: the export and the deletion.
   */
  isAlwaysOpen?: boolean;
  /** The body is a stream that the handler reads itself. */
  isUpload?: boolean;
  /** The content type of such a body, if it is not a whole media file. */
  uploadType?: string;
  /** Request header → what it does. */
  headers?: Record<string, string>;
  /** The schema of its errors, if it is not problem+json. */
  problem?: z.ZodType;
  /** Status → what it means, and the schema of its body. */
  answers: Record<number, string | { description: string; schema: z.ZodType }>;
  handle(ctx: Context, request: ApiRequest<never, never>): Promise<ApiAnswer>;
}

/** Returns the route, and types its handler's body and query by the schemas. */
export function apiRoute<B extends z.ZodType, Q extends z.ZodType>(
  route: Omit<ApiRoute, 'handle' | 'body' | 'query'> & {
    body?: Body<B>;
    query?: Q;
    handle(ctx: Context, request: ApiRequest<z.output<B>, z.output<Q>>): Promise<ApiAnswer>;
  },
): ApiRoute {
  return route as unknown as ApiRoute;
}

/** Adds the routes. Each is served at `/v1/x` and at `/v1/creators/{creator_id}/x`. */
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

/** Returns the router's paths of a route. */
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
    const named = readParams(koa)['creator_id'];
    if (named !== undefined && named !== 'me' && named !== creator.id) {
      throw noCreator();
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
    const request = {
      creator: koa.state['creator'],
      key: koa.state['key'],
      body: bodySchema && parseWith(bodySchema, koa.request.body, 'body'),
      query: route.query ? parseWith(route.query, { ...koa.query }, 'query') : undefined,
      params: readParams(koa),
      signal: closeSignal(koa),
      koa,
    };
    sendAnswer(koa, await route.handle(ctx, request as never));
  };
}

/** Sends what a handler returned. */
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
    /** The module's JSON routes; they are served, and stand in the OpenAPI document. */
    api?: ApiRoute[];
  }
}
