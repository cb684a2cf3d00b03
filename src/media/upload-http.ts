// Takes an upload from a request, raw or multipart, as a stream into storage.
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Context as KoaContext } from 'koa';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { assertMayPost, type Creator, limitsOf } from '../creators/store.ts';
import { MAX_PHOTOS } from '../jobs/schema.ts';
import { assertRoom } from './storage-quota.ts';
import type { Media } from './store.ts';
import { keepUpload } from './store-media.ts';

// Silence that ends an upload; the whole of it may take as long as it likes.
export const IDLE_MS = 120_000;
// Multipart adds its boundaries and headers to the file.
const MULTIPART_OVERHEAD = 10_000;

/**
 * The stored upload. Throws `too_large` by the declared length before a byte is taken,
 * `unsupported_media_type`, `media_rejected`, `storage_full`.
 */
export async function receiveUpload(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  signal: AbortSignal,
): Promise<Media> {
  const [media] = await receive(ctx, koa, creator, { signal, most_files: 1 });
  return media;
}

/** As receiveUpload, for a form that may hold several files, as many as a post has photos. */
export async function receiveUploads(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  signal: AbortSignal,
): Promise<AtLeastOne> {
  return receive(ctx, koa, creator, { signal, most_files: MAX_PHOTOS });
}

type AtLeastOne = [Media, ...Media[]];

interface Reception {
  signal: AbortSignal;
  most_files: number;
}

async function receive(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  { signal, most_files }: Reception,
): Promise<AtLeastOne> {
  assertMayPost(creator);
  const limit = limitsOf(ctx.config, creator).upload_bytes;
  const declared = Number(koa.get('Content-Length') || 0);
  const is_multipart = Boolean(koa.is('multipart/form-data'));
  // Several files are each held to the limit while they flow.
  const overhead = is_multipart ? MULTIPART_OVERHEAD : 0;
  if (declared > (limit + overhead) * most_files) {
    throw new Problem(
      'too_large',
      `The file is larger than ${limit / 1_000_000} MB, the most this plan takes.`,
    );
  }
  await assertRoom(ctx, declared);
  koa.req.socket.setTimeout(IDLE_MS);
  if (is_multipart) return receiveMultipart(ctx, koa, creator, { signal, most_files });
  if (!isMediaType(koa)) {
    throw new Problem(
      'unsupported_media_type',
      'Expected the file as the body with its own Content-Type (e.g. `video/mp4`), or multipart/form-data with a field `file`.',
    );
  }
  return [await keepUpload(ctx, creator, koa.req, null, signal)];
}

function isMediaType(koa: KoaContext): boolean {
  const type = koa.get('Content-Type').split(';')[0]?.trim().toLowerCase() ?? '';
  return (
    type.startsWith('video/') || type.startsWith('image/') || type === 'application/octet-stream'
  );
}

function receiveMultipart(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  { signal, most_files }: Reception,
): Promise<AtLeastOne> {
  return new Promise((resolve, reject) => {
    const kept: Promise<Media>[] = [];
    const form = createForm(koa, most_files, reject);
    form.on('file', (field, stream, file_name) => {
      if (field !== 'file' || kept.length === most_files) {
        stream.resume();
        return;
      }
      // One after the other: looked at singly, and stored in the order in which they were chosen.
      const keeping = Promise.allSettled(kept).then(() =>
        keepUpload(ctx, creator, stream as Readable, file_name || null, signal),
      );
      keeping.catch((error) => {
        stream.resume();
        reject(most_files > 1 ? named(error, file_name) : error);
      });
      kept.push(keeping);
    });
    form.on('finish', () => {
      if (kept.length > 0) Promise.all(kept).then((all) => resolve(all as AtLeastOne), reject);
      else
        reject(
          new Problem('invalid_request', 'Expected a form field `file` that holds the file.', {
            errors: [{ pointer: '/file', message: 'Expected a file.' }],
          }),
        );
    });
    form.on('error', () =>
      reject(new Problem('invalid_request', 'The multipart body could not be read.')),
    );
    koa.req.once('aborted', () => reject(new DOMException('The client has gone', 'AbortError')));
    koa.req.pipe(form);
  });
}

/** Among several files a sentence without a name helps nobody. */
function named(error: unknown, file_name: string): unknown {
  if (!(error instanceof Problem) || error.code !== 'media_rejected') return error;
  return new Problem(error.code, `${file_name}: ${error.message}`);
}

function createForm(koa: KoaContext, most_files: number, reject: (error: unknown) => void) {
  try {
    return new Busboy({
      headers: { ...koa.req.headers, 'content-type': koa.get('Content-Type') },
      limits: { files: most_files + 3, fields: 20, fieldSize: 10_000 },
    });
  } catch (error) {
    const problem = new Problem('invalid_request', 'The multipart body has no boundary.', {
      cause: error,
    });
    reject(problem);
    throw problem;
  }
}
