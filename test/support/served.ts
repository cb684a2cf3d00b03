// A server of a few middlewares and routes, in the test's own process.
import { createServer, type Server } from 'node:http';
import Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import type { Context } from '../../src/context/context.ts';
import { problems } from '../../src/http/error-handler.ts';

export interface Served extends AsyncDisposable {
  url: string;
  server: Server;
}

/** Errors are answered as in the appliance; whoever accepts HTML is shown the code alone. */
export async function serve(
  ctx: Context,
  addRoutes: (router: Router) => void,
  ...before: Middleware[]
): Promise<Served> {
  const app = new Koa();
  app.on('error', () => {});
  app.use(problems(ctx, async (_koa, problem) => `<h1>${problem.code}</h1>`));
  for (const middleware of before) app.use(middleware);
  const router = new Router();
  addRoutes(router);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return listenTo(app);
}

export async function listenTo(app: Koa): Promise<Served> {
  const server = createServer(app.callback());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** What the HTTP layer needs of the context while nothing asks the database. */
export function aBareContext(lines: string[] = []): Context {
  const log = { error: (line: object) => lines.push(JSON.stringify(line)) };
  return { config: { PUBLIC_URL: 'http://pm3k.example' }, log, modules: [] } as unknown as Context;
}
