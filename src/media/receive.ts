// Takes an upload from a request, raw or multipart, as a stream into storage.
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Context as KoaContext } from 'koa';
import type { Context } from '../context.ts';
import { assertMayPost, type Creator, limitsOf } from '../creators/store.ts';
import { Problem } from '../errors.ts';
import { assertRoom } from './room.ts';
import { keepUpload, type Media } from './store.ts';

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
  assertMayPost(creator);
  const limit = limitsOf(ctx.config, creator).upload_bytes;
  const declared = Number(koa.get('Content-Length') || 0);
  const is_multipart = Boolean(koa.is('multipart/form-data'));
  if (declared > limit + (is_multipart ? MULTIPART_OVERHEAD : 0)) {
    throw new Problem(
      'too_large',
      `The file is larger than ${limit / 1_000_000} MB, the most this plan takes.`,
    );
  }
  await assertRoom(ctx, declared);
  koa.req.socket.setTimeout(IDLE_MS);
  if (is_multipart) return receiveMultipart(ctx, koa, creator, signal);
  if (!isMediaType(koa)) {
    throw new Problem(
      'unsupported_media_type',
      'Expected the file as the body with its own Content-Type (e.g. `video/mp4`), or multipart/form-data with a field `file`.',
    );
  }
  return keepUpload(ctx, creator, koa.req, null, signal);
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
  signal: AbortSignal,
): Promise<Media> {
  return new Promise((resolve, reject) => {
    let kept: Promise<Media> | undefined;
    const form = createForm(koa, reject);
    form.on('file', (field, stream, file_name) => {
      if (field !== 'file' || kept) {
        stream.resume();
        return;
      }
      kept = keepUpload(ctx, creator, stream as Readable, file_name || null, signal);
      kept.catch((error) => {
        stream.resume();
        reject(error);
      });
    });
    form.on('finish', () => {
      if (kept) kept.then(resolve, reject);
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

function createForm(koa: KoaContext, reject: (error: unknown) => void) {
  try {
    return new Busboy({
      headers: { ...koa.req.headers, 'content-type': koa.get('Content-Type') },
      limits: { files: 4, fields: 20, fieldSize: 10_000 },
    });
  } catch (error) {
    const problem = new Problem('invalid_request', 'The multipart body has no boundary.', {
      cause: error,
    });
    reject(problem);
    throw problem;
  }
}
