// The upload host: takes chunks in order, within one hour, exactly as planned.
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { badGateway, cut, takeFault } from './faults.ts';
import { report, reportDuplicate } from './findings.ts';
import { process as processPublish } from './processing.ts';
import type { Publish, State } from './state.ts';

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
  const uploads: Uploads = { state, folder, hashes: new Map() };
  const busy = new Set<string>();
  router.put('/upload/video{/}', async (koa) => {
    const id = String(koa.query['upload_id'] ?? '');
    const publish = state.publishes.find((each) => each.publish_id === id);
    // A client may come back before the end of its broken connection was noticed; then it waits.
    while (busy.has(id)) await new Promise((resolve) => setTimeout(resolve, 20));
    busy.add(id);
    try {
      await put(uploads, koa, publish);
    } finally {
      busy.delete(id);
    }
  });
}

interface Uploads {
  state: State;
  /** Where the files are written. */
  folder: string;
  /** publish_id → hash of the bytes so far. */
  hashes: Map<string, Hash>;
}

async function put(uploads: Uploads, koa: Context, publish: Publish | undefined): Promise<void> {
  const { state } = uploads;
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
  await takeChunk(uploads, koa, publish, { ...range, fault: fault?.kind });
}

/** A chunk's first and last byte, and the kind of fault ordered for it. */
interface Chunk {
  first: number;
  last: number;
  fault: string | undefined;
}

async function takeChunk(
  uploads: Uploads,
  koa: Context,
  publish: Publish,
  { first, last, fault }: Chunk,
): Promise<void> {
  const { folder, hashes } = uploads;
  const path = join(folder, `${publish.upload_token}.mp4`);
  const hash = hashes.get(publish.publish_id) ?? createHash('sha256');
  const before = hash.copy();
  const expected = last - first + 1;
  const isCut = fault === 'cut_keep' || fault === 'cut_drop';
  // The body is no longer than the range: `readRange` has compared Content-Length with it.
  const limit = isCut ? Math.floor(expected / 2) : Number.POSITIVE_INFINITY;
  const received = await receive(koa, { path, start: first, hash, limit });
  if (received !== expected && fault !== 'cut_keep') {
    // TikTok keeps no bytes of a chunk that did not come whole.
    await truncate(path, first);
    hashes.set(publish.publish_id, before);
    return fault ? cut(koa) : end(koa, 400);
  }
  hashes.set(publish.publish_id, hash);
  publish.received_bytes = first + received;
  publish.path = path;
  publish.content_type = koa.get('Content-Type');
  if (fault === 'cut_keep') return cut(koa);
  publish.chunks.push({ first, last, at: new Date().toISOString() });
  const isDone = publish.received_bytes === publish.video_size;
  if (isDone) finishUpload(uploads, publish, hash);
  if (fault === 'answer_lost') return cut(koa);
  progress(koa, publish, isDone ? 201 : 206);
}

function finishUpload({ state, hashes }: Uploads, publish: Publish, hash: Hash): void {
  publish.sha256 = hash.digest('hex');
  publish.sent_at = Date.now();
  hashes.delete(publish.publish_id);
  reportDuplicate(state, publish);
  processPublish(state, publish);
}

/**
 * `elsewhere`: the range is not the next one, for 416. `bad`: the headers contradict each other,
 * for 400.
 */
function readRange(
  state: State,
  koa: Context,
  publish: Publish,
): { first: number; last: number } | 'bad' | 'elsewhere' {
  const bad = (detail: string) => {
    report(state, { kind: 'violation', rule: 'upload', detail, endpoint: koa.path });
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

/**
 * Returns the last byte of the chunk that holds `first`; the last chunk also takes the remainder.
 */
function plannedEnd({ chunk_size, total_chunk_count, video_size }: Publish, first: number): number {
  const index = Math.min(Math.floor(first / chunk_size), total_chunk_count - 1);
  return index === total_chunk_count - 1 ? video_size - 1 : (index + 1) * chunk_size - 1;
}

/**
 * Streams up to `limit` bytes of the body to the disk at `start` while hashing them. Returns how
 * many came, which are fewer than sent if the client went away.
 */
async function receive(
  koa: Context,
  { path, start, hash, limit }: { path: string; start: number; hash: Hash; limit: number },
): Promise<number> {
  const file = createWriteStream(path, { flags: start === 0 ? 'w' : 'r+', start });
  let received = 0;
  try {
    for await (const part of koa.req) {
      const bytes = part.subarray(0, Math.min(part.length, limit - received));
      hash.update(bytes);
      received += bytes.length;
      if (!file.write(bytes))
        await new Promise<void>((resolve) => file.once('drain', () => resolve()));
      if (received >= limit) break;
    }
  } catch {
    // The client went away; the caller sees that bytes are missing.
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
  return received;
}

/**
 * Answers with `Content-Range: bytes 0-{UPLOADED_BYTES}/{TOTAL}`, which TikTok documents as a
 * count.
 */
function progress(koa: Context, publish: Publish, status: number): void {
  koa.set('Content-Range', `bytes 0-${publish.received_bytes}/${publish.video_size}`);
  end(koa, status);
}

function end(koa: Context, status: number): void {
  koa.status = status;
  koa.body = '';
  // When the answer comes before the end of the body, the connection is closed rather than read on.
  if (!koa.req.complete) koa.set('Connection', 'close');
}
