// tus 1.0 with @tus/server: each request has a server of its own, over the creator's own uploads.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { DataStore, Server, Upload as TusUpload } from '@tus/server';
import type { Context as KoaContext } from 'koa';
import { Problem } from '../../base/errors.ts';
import { randomToken } from '../../base/secrets.ts';
import type { Context } from '../../context/context.ts';
import { assertMayPost, getPlanLimits } from '../../creators/rules.ts';
import type { Creator } from '../../creators/store.ts';
import { assertQuota } from '../storage-quota.ts';
import type { Media } from '../store.ts';
import { IDLE_MS } from '../upload-http.ts';
import { discard, finishUpload, isComplete } from './finish.ts';
import { takeParts } from './parts.ts';
import {
  declareLength,
  findUpload,
  insertUpload,
  SILENCE_MS,
  takeOver,
  type Upload,
} from './store.ts';
import { assertFits, assertReadable, toProblem } from './tus-errors.ts';

export const EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'termination',
  'expiration',
];

export interface TusAnswer {
  status: number;
  headers: Record<string, string>;
  /** What became of a complete upload. */
  media: Media | null;
}

/** Answers a request of the protocol; `path` is where its uploads are. Throws Problems. */
export async function answerTus(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  { path, method, id }: { path: string; method: string; id: string | undefined },
): Promise<TusAnswer> {
  assertReadable(koa, method);
  koa.req.socket.setTimeout(IDLE_MS);
  let media: Media | null = null;
  const store = createTusStore(ctx, creator);
  const limits = getPlanLimits(ctx.config, creator);
  if (method === 'POST' || method === 'PATCH') {
    assertMayPost(creator);
    assertFits(koa, limits);
  }
  if (id !== undefined) {
    const upload = await findUpload(ctx.db, creator.id, id);
    if (!upload) throw new Problem('not_found', 'There is no such upload, or its time is over.');
    // Its last byte came, and then something happened.
    if (method === 'HEAD' && isComplete(upload)) media = await finishUpload(ctx, creator, upload);
  }
  const faults: unknown[] = [];
  const server = new Server({
    path,
    datastore: store,
    relativeLocation: true,
    maxSize: limits.uploadBytes,
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
      media = await finishUpload(ctx, creator, store.current());
      return {};
    },
    onResponseError: (_request, error) => {
      faults.push(error);
      return undefined;
    },
  });
  const answer = await server.handleWeb(toRequest(koa, method));
  if (answer.status >= 400) throw toProblem(faults[0] ?? answer, limits);
  return { status: answer.status, headers: toHeaders(answer.headers), media };
}

/** The library's view of the creator's uploads, for one request. */
function createTusStore(ctx: Context, creator: Creator) {
  const writer = randomUUID();
  let upload: Upload | null = null;
  const current = () => {
    if (!upload) throw new Problem('not_found', 'There is no such upload.');
    return upload;
  };
  return Object.assign(new DataStore(), {
    extensions: EXTENSIONS,
    current,
    /** No lock that somebody must give back, but a fence: the newest request goes on, an older one stops. */
    async lock(id: string) {
      upload = (await takeOver(ctx.db, { id, creator_id: creator.id }, writer)) ?? null;
    },
    async create(made: TusUpload) {
      const { id, size, metadata = {} } = made;
      const length = size ?? null;
      const own = { creator_id: creator.id, storage_key: randomToken(190), writer };
      upload = await insertUpload(ctx.db, { id, length, metadata, ...own });
      return made;
    },
    async getUpload() {
      const { id, received, length, metadata, expires_at } = current();
      return new TusUpload({
        id,
        offset: received,
        metadata,
        ...(length === null ? {} : { size: length }),
        // The library counts from here; our time is counted from the last byte.
        creation_date: new Date(expires_at.getTime() - SILENCE_MS).toISOString(),
      });
    },
    async declareUploadLength(_id: string, length: number) {
      await declareLength(ctx.db, current(), length);
      upload = { ...current(), length };
    },
    async write(source: Readable) {
      upload = await takeParts(ctx, current(), source);
      return upload.received;
    },
    async remove(id: string) {
      if (current().finished_at || !(await discard(ctx, id))) {
        throw new Problem(
          'state_conflict',
          'This upload is finished. Remove its file with DELETE /v1/media/{storage_key}.',
        );
      }
    },
    getExpiration: () => SILENCE_MS,
  });
}

/** Only what the protocol needs: who asked was settled before. */
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

/** Nothing about other origins: pages elsewhere have no key to send. */
function toHeaders(headers: Headers): Record<string, string> {
  const named = [...headers].filter(([name]) =>
    /^(tus-|upload-|location$|cache-control$)/.test(name),
  );
  return Object.fromEntries(named);
}
