// Runs a stand-in for TikTok that refuses what the real one refuses, for demos and tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Router from '@koa/router';
import Koa from 'koa';
import { refusals } from './answers.ts';
import { addControlRoutes } from './control.ts';
import { addInitRoutes } from './init.ts';
import { createState } from './initial-state.ts';
import { addOAuthRoutes } from './oauth.ts';
import { addPages } from './pages.ts';
import { assertFfprobe } from './processing.ts';
import type { State } from './state.ts';
import { addStatusRoutes } from './status.ts';
import { addUploadRoute } from './upload.ts';

export interface Sandbox {
  state: State;
  /** `http://host:port`, once it listens. */
  url: string;
  close(): Promise<void>;
}

/**
 * Listens on an address of this machine or a private network. Port 0, the default, picks a free
 * one.
 */
export async function startSandbox(
  options: { port?: number; host?: string } = {},
): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1';
  assertNotPublic(host);
  await assertFfprobe();
  const state = createState();
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  const server = createServer({ requestTimeout: 0 }, createApp(state, folder).callback());
  await listening(server, options.port ?? 0, host);
  const { port } = server.address() as AddressInfo;
  return {
    state,
    url: `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Throws for a public address: the sandbox asks for no password, so it must not be reachable there.
 */
export function assertNotPublic(host: string): void {
  const isPrivate =
    /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|0\.0\.0\.0$|::1$|f[cd][0-9a-f]{2}:)/i;
  if (isPrivate.test(host)) return;
  throw new Error(`The sandbox runs on this machine or a private network alone, not on ${host}.`);
}

function createApp(state: State, folder: string): Koa {
  const app = new Koa();
  app.silent = true;
  const router = new Router();
  addOAuthRoutes(router, state);
  addInitRoutes(router, state);
  addUploadRoute(router, state, folder);
  addStatusRoutes(router, state);
  addControlRoutes(router, state);
  addPages(router, state);
  app.use(onlyOurName);
  app.use(refusals(state));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Refuses requests for a public host name, which came here by somebody's DNS or proxy. */
const onlyOurName: Koa.Middleware = async (koa, next) => {
  const isOurs = /^(localhost|sandbox|[\w-]+\.(local|internal|test)|\[?[\da-f:.]+\]?)$/i.test(
    koa.hostname,
  );
  if (!isOurs) koa.throw(421, 'The sandbox does not answer under a public name.');
  await next();
};

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}
