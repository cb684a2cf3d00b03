// The upload host: chunks in order, inside one hour, byte for byte as planned.
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { badGateway, cut, takeFault } from './faults.ts';
import { process as processPublish } from './processing.ts';
import { type Publish, report, type State } from './state.ts';

const TYPES = ['video/mp4', 'video/quicktime', 'video/webm'];
const UPLOAD_FAULTS = [
  'http_500',
  'html_502',
  'answer_lost',
  'cut_keep',
  'cut_drop',
  'slow',
  'url_expired',
];

export function addUploadRoute(router: Router, state: State, folder: string): void {
  const hashes = new Map<string, Hash>();
  const busy = new Set<string>();
  router.put('/upload/video{/}', async (koa) => {
    const id = String(koa.query['upload_id'] ?? '');
    const publish = state.publishes.find((each) => each.publish_id === id);
    // A client that comes back while its broken connection is still being written off waits its turn.
    while (busy.has(id)) await new Promise((resolve) => setTimeout(resolve, 20));
    busy.add(id);
    try {
      await put(state, folder, hashes, koa, publish);
    } finally {
      busy.delete(id);
    }
  });
}

async function put(
  state: State,
  folder: string,
  hashes: Map<string, Hash>,
  koa: Context,
  publish: Publish | undefined,
): Promise<void> {
  const isKnown =
    publish && publish.kind !== 'photo' && publish.upload_token === koa.query['upload_token'];
  if (!isKnown || publish.sent_at !== null || publish.status !== 'PROCESSING_UPLOAD')
    return end(koa, 404);
  if (Date.now() - publish.created_at > state.settings.upload_url_seconds * 1000)
    return end(koa, 403);
  const fault = takeFault(state, 'upload', UPLOAD_FAULTS, publish.open_id);
  if (fault?.kind === 'url_expired') return end(koa, 403);
  if (fault?.kind === 'http_500') return end(koa, 500);
  if (fault?.kind === 'html_502') return badGateway(koa);
  if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, 3_000));

  const range = readRange(state, koa, publish);
  if (range === 'bad') return end(koa, 400);
  if (range === 'elsewhere') return progress(koa, publish, 416);
  const { first, last } = range;
  const path = join(folder, `${publish.upload_token}.mp4`);
  const hash = hashes.get(publish.publish_id) ?? createHash('sha256');
  const before = hash.copy();
  const cutAfter =
    fault?.kind === 'cut_keep' || fault?.kind === 'cut_drop'
      ? Math.floor((last - first + 1) / 2)
      : null;
  const received = await receive(koa, path, first, hash, last - first + 1, cutAfter);
  const isWhole = received === last - first + 1;
  if (!isWhole && fault?.kind !== 'cut_keep') {
    // Bytes of a chunk that did not come whole are not kept.
    await truncate(path, first);
    hashes.set(publish.publish_id, before);
    return fault ? cut(koa) : end(koa, 400);
  }
  hashes.set(publish.publish_id, hash);
  publish.received_bytes = first + received;
  publish.path = path;
  publish.content_type = koa.get('Content-Type');
  if (fault?.kind === 'cut_keep') return cut(koa);
  publish.chunks.push({ first, last, at: new Date().toISOString() });
  const isDone = publish.received_bytes === publish.video_size;
  if (isDone) {
    publish.sha256 = hash.digest('hex');
    publish.sent_at = Date.now();
    hashes.delete(publish.publish_id);
    noteDuplicate(state, publish);
    processPublish(state, publish);
  }
  if (fault?.kind === 'answer_lost') return cut(koa);
  progress(koa, publish, isDone ? 201 : 206);
}

/** 416 where the range is not where the upload stands; 400 where the headers contradict each other. */
function readRange(
  state: State,
  koa: Context,
  publish: Publish,
): { first: number; last: number } | 'bad' | 'elsewhere' {
  const bad = (detail: string) => {
    report(state, 'violation', 'upload', detail, koa.path);
    return 'bad' as const;
  };
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(koa.get('Content-Range'));
  if (!match) return bad('Content-Range is malformed');
  const [first, last, total] = match.slice(1).map(Number) as [number, number, number];
  if (!TYPES.includes(koa.get('Content-Type')))
    return bad(`Content-Type ${koa.get('Content-Type')}`);
  if (koa.get('Authorization')) return bad('Authorization header on an upload');
  if (total !== publish.video_size) return bad('total is not video_size');
  if (last < first || Number(koa.get('Content-Length')) !== last - first + 1)
    return bad('Content-Length is not the range');
  if (first !== publish.received_bytes || last !== plannedEnd(publish, first)) return 'elsewhere';
  return { first, last };
}

/** The last byte of the chunk that `first` lies in; the last chunk takes the remainder. */
function plannedEnd({ chunk_size, total_chunk_count, video_size }: Publish, first: number): number {
  const index = Math.min(Math.floor(first / chunk_size), total_chunk_count - 1);
  return index === total_chunk_count - 1 ? video_size - 1 : (index + 1) * chunk_size - 1;
}

/** Streams to disk while hashing; answers how many bytes came. */
async function receive(
  koa: Context,
  path: string,
  start: number,
  hash: Hash,
  expected: number,
  cutAfter: number | null,
): Promise<number> {
  const file = createWriteStream(path, { flags: start === 0 ? 'w' : 'r+', start });
  let received = 0;
  try {
    for await (const part of koa.req) {
      const room = Math.min(part.length, (cutAfter ?? expected) - received);
      const bytes = part.subarray(0, room);
      hash.update(bytes);
      received += bytes.length;
      if (!file.write(bytes))
        await new Promise<void>((resolve) => file.once('drain', () => resolve()));
      if (cutAfter !== null && received >= cutAfter) break;
    }
  } catch {
    // The client has gone; what came is counted by the caller.
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
  return received;
}

/** `Content-Range: bytes 0-{UPLOADED_BYTES}/{TOTAL}`, as documented: a count. */
function progress(koa: Context, publish: Publish, status: number): void {
  koa.set('Content-Range', `bytes 0-${publish.received_bytes}/${publish.video_size}`);
  end(koa, status);
}

function end(koa: Context, status: number): void {
  koa.status = status;
  koa.body = '';
  // An answer before the body is through: the rest is not waited for.
  if (!koa.req.complete) koa.set('Connection', 'close');
}

function noteDuplicate(state: State, publish: Publish): void {
  const twin = state.publishes.find(
    (each) =>
      each !== publish &&
      each.sha256 === publish.sha256 &&
      each.open_id === publish.open_id &&
      each.status !== 'FAILED' &&
      JSON.stringify(each.post_info) === JSON.stringify(publish.post_info),
  );
  if (twin)
    report(
      state,
      'lint',
      'duplicate_post',
      `${publish.publish_id} repeats ${twin.publish_id}`,
      '/upload/video/',
    );
}
