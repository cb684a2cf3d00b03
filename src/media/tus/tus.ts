// Answers tus 1.0 with @tus/server; each request has its own server over the creator's uploads.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { Server } from '@tus/server';
import type { Context as KoaContext } from 'koa';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { assertMayPost, getPlanLimits } from '../../creators/rules.ts';
import type { Creator } from '../../creators/store.ts';
import { assertQuota } from '../storage-quota.ts';
import type { Media } from '../store.ts';
import { IDLE_MS } from '../upload-http.ts';
import { createTusStore } from './data-store.ts';
import { finishUpload, isComplete } from './finish.ts';
import { findUpload } from './store.ts';
import { assertFits, assertReadable, toProblem } from './tus-errors.ts';

/** The answer to a request of the protocol. */
export interface TusAnswer {
  status: number;
  headers: Record<string, string>;
  /** The stored file, if the upload is complete. */
  media: Media | null;
}

/**
 * Answers a request of the protocol. `path` is the address below which the uploads are, and `id` is
 * the upload that the request names.
 * @throws Problem
 */
export async function answerTus(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  { path, method, id }: { path: string; method: string; id: string | undefined },
): Promise<TusAnswer> {
  assertReadable(koa, method);
  koa.req.socket.setTimeout(IDLE_MS);
  const limits = getPlanLimits(ctx.config, creator);
  if (method === 'POST' || method === 'PATCH') {
    assertMayPost(creator);
    assertFits(koa, limits);
  }
  const finished = id === undefined ? null : await finishIfComplete(ctx, creator, { id, method });
  const run = createServer(ctx, creator, { path, id });
  const answer = await run.server.handleWeb(toRequest(koa, method));
  if (answer.status >= 400) throw toProblem(run.faults[0] ?? answer, limits);
  const media = run.finished[0] ?? finished;
  return { status: answer.status, headers: toHeaders(answer.headers), media };
}

/**
 * Finishes an upload whose last byte arrived before something went wrong, if a HEAD asks for it.
 */
async function finishIfComplete(
  ctx: Context,
  creator: Creator,
  { id, method }: { id: string; method: string },
): Promise<Media | null> {
  const upload = await findUpload(ctx.db, creator.id, id);
  if (!upload) throw new Problem('not_found', 'There is no such upload, or it has expired.');
  return method === 'HEAD' && isComplete(upload) ? finishUpload(ctx, creator, upload) : null;
}

/** Returns a server of the library for one request, with the lists that the request fills. */
function createServer(
  ctx: Context,
  creator: Creator,
  { path, id }: { path: string; id: string | undefined },
) {
  const store = createTusStore(ctx, creator);
  const faults: unknown[] = [];
  const finished: Media[] = [];
  const server = new Server({
    path,
    datastore: store,
    relativeLocation: true,
    maxSize: getPlanLimits(ctx.config, creator).uploadBytes,
    namingFunction: () => randomUUID(),
    getFileIdFromRequest: () => id,
    locker: {
      newLock: (uploadId) => ({ lock: () => store.lock(uploadId), unlock: async () => {} }),
    },
    onUploadCreate: async (_request, { size }) => {
      await assertQuota(ctx, size ?? 0);
      return {};
    },
    onUploadFinish: async () => {
      finished.push(await finishUpload(ctx, creator, store.current()));
      return {};
    },
    onResponseError: (_request, error) => {
      faults.push(error);
      return undefined;
    },
  });
  return { server, faults, finished };
}

/** Returns a web request with the headers that the protocol needs. The key was checked before. */
function toRequest(koa: KoaContext, method: string): Request {
  const headers = new Headers();
  for (const name of REQUEST_HEADERS) if (koa.get(name)) headers.set(name, koa.get(name));
  const hasBody = method === 'POST' || method === 'PATCH';
  return new Request(`http://localhost${koa.path}`, {
    method,
    headers,
    ...(hasBody ? { body: Readable.toWeb(koa.req) as BodyInit, duplex: 'half' } : {}),
  } as RequestInit);
}

const REQUEST_HEADERS = [
  ...['Tus-Resumable', 'Content-Type', 'Content-Length', 'Upload-Offset', 'Upload-Length'],
  ...['Upload-Defer-Length', 'Upload-Metadata', 'Upload-Concat'],
];

/**
 * Returns the protocol's headers. CORS headers stay out, since foreign pages have no key to send.
 */
function toHeaders(headers: Headers): Record<string, string> {
  const named = [...headers].filter(([name]) =>
    /^(tus-|upload-|location$|cache-control$)/.test(name),
  );
  return Object.fromEntries(named);
}
