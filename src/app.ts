// Builds the Koa app: every middleware in order, and every router.
import { createServer, type Server } from 'node:http';
import Router from '@koa/router';
import Koa from 'koa';
import helmet from 'koa-helmet';
import { type Config, ConfigFaults } from './base/config.ts';
import type { Context, Manifest } from './context/context.ts';
import { sameOriginOnly } from './http/csrf.ts';
import { findRequestId, problems } from './http/error-handler.ts';
import { addHealthRoutes } from './http/health.ts';
import { addStatic } from './http/static.ts';
import { recordRequests } from './records/request-log/record.ts';
import { addApiRoutes } from './web/api.ts';
import { addDocs } from './web/docs.ts';
import { createProblemPage } from './web/pages.ts';

/** Returns the app of this process; `listen` opens its port. */
export function createApp(ctx: Context, modules: Manifest[]): Koa {
  const app = new Koa();
  app.proxy = ctx.config.TRUST_PROXY > 0;
  app.maxIpsCount = ctx.config.TRUST_PROXY;
  // Our own middleware answers all problems, so an error that arrives here is a broken connection.
  app.on('error', (error) => ctx.log.debug({ event: 'connection.fault', err: error }));

  app.use(recordRequests(ctx));
  app.use(requestLog(ctx));
  app.use(problems(ctx, createProblemPage(ctx)));
  app.use(secureHeaders(ctx));
  app.use(sameOriginOnly(ctx));
  for (const router of createRouters(ctx, modules)) {
    app.use(router.routes());
    app.use(router.allowedMethods());
  }
  return app;
}

/** A worker process serves only monitoring; a web process serves everything. */
function createRouters(ctx: Context, modules: Manifest[]): Router[] {
  const health = new Router();
  addHealthRoutes(health, ctx);
  if (ctx.config.ROLE === 'worker') return [health];
  const pages = new Router();
  addStatic(pages, ctx);
  addDocs(pages, ctx, modules);
  for (const module of modules) {
    module.routes?.(pages, ctx);
    addApiRoutes(pages, ctx, module.api ?? []);
  }
  return [health, pages];
}

/** Logs a line per request with the route's pattern. Path, query, person and address stay out. */
function requestLog(ctx: Context): Koa.Middleware {
  return async (koa, next) => {
    const startedAt = performance.now();
    await next();
    koa.res.once('close', () => {
      const route = (koa as { _matchedRoute?: unknown })._matchedRoute;
      ctx.log.info({
        event: 'request',
        method: koa.method,
        route: route === undefined ? null : String(route),
        status: koa.status,
        ms: Math.round(performance.now() - startedAt),
        request_id: findRequestId(koa),
      });
    });
  };
}

function secureHeaders(ctx: Context): Koa.Middleware {
  const isHttps = ctx.config.PUBLIC_URL.startsWith('https:');
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        // Creators' pictures come from TikTok's hosts, which change, so any https host may send
        // one.
        imgSrc: ["'self'", 'data:', 'https:', ...(ctx.config.isLocal ? ['http:'] : [])],
        mediaSrc: ["'self'", 'blob:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: isHttps ? { maxAge: 15_552_000 } : false,
    referrerPolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: false,
  }) as unknown as Koa.Middleware;
}

/**
 * Opens the port. Rejects with ConfigFaults if it cannot be opened. Uploads have their own limit
 * for idle connections.
 */
export function listen(app: Koa, config: Pick<Config, 'HOST' | 'PORT'>): Promise<Server> {
  // By default Node ends a request after five minutes, also an upload that makes progress.
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000 }, app.callback());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const what =
        error.code === 'EADDRINUSE' ? 'is in use already' : `cannot be listened to (${error.code})`;
      reject(new ConfigFaults([`PORT: ${config.HOST} port ${config.PORT} ${what}.`]));
    });
    server.listen(config.PORT, config.HOST, () => resolve(server));
  });
}
