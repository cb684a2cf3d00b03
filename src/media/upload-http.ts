// Receives an upload in a request, raw or multipart, and streams it into storage.
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Context as KoaContext } from 'koa';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { assertMayPost, getPlanLimits } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { TIKTOK_LIMITS } from '../tiktok/limits.ts';
import { assertQuota } from './storage-quota.ts';
import type { Media } from './store.ts';
import { storeUpload } from './store-media.ts';

// An upload ends after so much silence. There is no limit for its whole duration.
export const IDLE_MS = 120_000;
// Multipart adds its boundaries and headers to the file.
const MULTIPART_OVERHEAD = 10_000;

/**
 * Returns the stored upload. A file whose declared length is too large is refused before its first
 * byte.
 * @throws Problem `too_large`, `unsupported_media_type`, `media_rejected`, `storage_full`, or what
 * `assertMayPost` throws.
 */
export async function receiveUpload(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  signal: AbortSignal,
): Promise<Media> {
  const [media] = await receive(ctx, koa, creator, { signal, mostFiles: 1 });
  return media;
}

/** As `receiveUpload`, for a form with up to as many files as a post has photos. */
export async function receiveUploads(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  signal: AbortSignal,
): Promise<AtLeastOne> {
  return receive(ctx, koa, creator, { signal, mostFiles: TIKTOK_LIMITS.photo.maxCount });
}

type AtLeastOne = [Media, ...Media[]];

interface Reception {
  signal: AbortSignal;
  mostFiles: number;
}

async function receive(
  ctx: Context,
  koa: KoaContext,
  creator: Creator,
  { signal, mostFiles }: Reception,
): Promise<AtLeastOne> {
  assertMayPost(creator);
  const limit = getPlanLimits(ctx.config, creator).uploadBytes;
  const declared = Number(koa.get('Content-Length') || 0);
  const isMultipart = Boolean(koa.is('multipart/form-data'));
  // Each of several files is checked against the limit while it arrives.
  const overhead = isMultipart ? MULTIPART_OVERHEAD : 0;
  if (declared > (limit + overhead) * mostFiles) {
    throw new Problem(
      'too_large',
      `The file is larger than ${limit / 1_000_000} MB, the most this plan takes.`,
    );
  }
  await assertQuota(ctx, declared);
  koa.req.socket.setTimeout(IDLE_MS);
  if (isMultipart) return receiveMultipart(ctx, koa, creator, { signal, mostFiles });
  if (!isMediaType(koa)) {
    throw new Problem(
      'unsupported_media_type',
      'Expected the file as the body with its own Content-Type (e.g. `video/mp4`), or multipart/form-data with a field `file`.',
    );
  }
  return [await storeUpload(ctx, creator, koa.req, { fileName: null, signal })];
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
  { signal, mostFiles }: Reception,
): Promise<AtLeastOne> {
  return new Promise((resolve, reject) => {
    const stored: Promise<Media>[] = [];
    const form = createForm(koa, mostFiles, reject);
    form.on('file', (field, stream, fileName) => {
      if (field !== 'file' || stored.length === mostFiles) {
        stream.resume();
        return;
      }
      // One after the other, so that they are listed in the order in which they were chosen.
      const storing = Promise.allSettled(stored).then(() =>
        storeUpload(ctx, creator, stream as Readable, { fileName: fileName || null, signal }),
      );
      storing.catch((error) => {
        stream.resume();
        reject(mostFiles > 1 ? addFileName(error, fileName) : error);
      });
      stored.push(storing);
    });
    form.on('finish', () => {
      if (stored.length > 0) Promise.all(stored).then((all) => resolve(all as AtLeastOne), reject);
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

/** Adds the file's name to a refusal, which among several files must say which one it is about. */
function addFileName(error: unknown, fileName: string): unknown {
  if (!(error instanceof Problem) || error.code !== 'media_rejected') return error;
  return new Problem(error.code, `${fileName}: ${error.message}`, error.extras);
}

function createForm(koa: KoaContext, mostFiles: number, reject: (error: unknown) => void) {
  try {
    return new Busboy({
      headers: { ...koa.req.headers, 'content-type': koa.get('Content-Type') },
      limits: { files: mostFiles + 3, fields: 20, fieldSize: 10_000 },
    });
  } catch (error) {
    const problem = new Problem('invalid_request', 'The multipart body has no boundary.', {
      cause: error,
    });
    reject(problem);
    throw problem;
  }
}
