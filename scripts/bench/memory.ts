// Measures the server's own memory while a file of 4 GB is uploaded, downloaded and sent to TikTok.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Appliance, anAppliance, type Client } from '../../test/support/appliance.ts';
import { aBucket } from '../../test/support/bucket.ts';
import { video } from '../../test/support/videos.ts';
import { type Ratio, seconds, sizeFrom, tell } from './report.ts';

const BYTES = sizeFrom('BENCH_MEMORY_BYTES', 4_000_000_000);
// Smaller, since the bucket's bytes pass through a test server in this process.
const BUCKET_BYTES = sizeFrom('BENCH_MEMORY_BUCKET_BYTES', Math.min(BYTES, 500_000_000));
const SAMPLE_MS = 100;
const MAX_GROWTH = 64_000_000;
const CHUNK = Buffer.alloc(1_000_000, 0x5a);

export async function memory(): Promise<Ratio[]> {
  const ratios: Ratio[] = [];
  await using bucket = await aBucket();
  for (const [name, env, bytes] of [
    ['disk', {}, BYTES],
    ['bucket', bucket.env, BUCKET_BYTES],
  ] as const) {
    await using app = await anAppliance({ LOG_LEVEL: 'warn', PLAN_PAID_UPLOAD_MB: '4295', ...env });
    const client = await app.creator();
    // A first run with a small file loads what is loaded only once, so that it is not counted.
    await walk(
      client,
      (await video()).length + 1_000_000,
      async (_what, work) => void (await work()),
    );
    const baseline = rss(app);
    tell(`${name}: ${megabytes(baseline)} MB before, ${megabytes(bytes)} MB each way`);
    await walk(client, bytes, async (what, work) => {
      const grown = await watched(app, baseline, what, work);
      ratios.push({
        what: `growth with a ${name} ÷ 64 MB, ${what}`,
        ratio: grown / MAX_GROWTH,
        limit: 1,
      });
    });
  }
  return ratios;
}

type Measure = (what: string, work: () => Promise<unknown>) => Promise<void>;

/** Uploads by POST and by tus, downloads, and posts to TikTok. */
async function walk(client: Client, bytes: number, measure: Measure): Promise<void> {
  let key = '';
  await measure('up by POST', async () => {
    const headers = { 'content-type': 'video/mp4' };
    const { body } = await send(client, { method: 'POST', path: '/v1/media', bytes, headers });
    key = JSON.parse(body).storage_key;
  });
  await measure('down', () => download(client, key, bytes));
  await client.api('DELETE', `/v1/media/${key}`);
  await measure('up by tus', async () => {
    const tus = { 'tus-resumable': '1.0.0' };
    const length = { 'upload-length': String(bytes) };
    const begun = await client.api('POST', '/v1/uploads', undefined, { ...tus, ...length });
    const { headers } = await send(client, {
      method: 'PATCH',
      path: begun.headers.get('location') ?? '',
      bytes,
      headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    });
    key = String(headers['pm3k-storage-key']);
  });
  await measure('to TikTok', async () => {
    const { json } = await client.api('POST', '/v1/jobs', client.job(key));
    const job = await client.ended(json['id'], 1_800_000);
    if (job['status'] !== 'finished') throw new Error(`Expected a post, got ${job['error']?.code}`);
  });
  await client.api('DELETE', `/v1/media/${key}`);
}

/** Does the work and returns by how many bytes the memory grew at most. */
async function watched(
  app: Appliance,
  baseline: number,
  what: string,
  work: () => Promise<unknown>,
): Promise<number> {
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, rss(app));
  }, SAMPLE_MS);
  const startedAt = performance.now();
  await work().finally(() => clearInterval(sampling));
  const took = performance.now() - startedAt;
  tell(`${what}: at most ${megabytes(most)} MB, in ${seconds(took)}`);
  return Math.max(0, most - baseline);
}

function rss(app: Appliance): number {
  const status = readFileSync(`/proc/${app.process().pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0);
}

/** Yields a video that conforms and, behind it, a box that players skip, `bytes` in all. */
async function* padded(bytes: number): AsyncGenerator<Buffer> {
  const head = await video();
  const size = bytes - head.length;
  const begin = Buffer.alloc(8);
  begin.writeUInt32BE(size, 0);
  begin.write('free', 4, 'latin1');
  yield head;
  yield begin;
  for (let left = size - 8; left > 0; left -= CHUNK.length) {
    yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
  }
}

interface Upload {
  method: string;
  path: string;
  bytes: number;
  headers: Record<string, string>;
}

async function send({ url, key }: Client, { method, path, bytes, headers }: Upload) {
  const outgoing = request(url + path, {
    method,
    headers: { ...headers, authorization: `Bearer ${key}`, 'content-length': bytes },
  });
  const answered = new Promise<{ body: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      outgoing.once('error', reject);
      outgoing.once('response', async (answer) => {
        const body = Buffer.concat(await answer.toArray()).toString();
        if ((answer.statusCode ?? 500) < 300) resolve({ body, headers: answer.headers });
        else reject(new Error(`Expected ${method} ${path} to succeed, got ${body}`));
      });
    },
  );
  await pipeline(Readable.from(padded(bytes)), outgoing);
  return answered;
}

async function download({ url }: Client, key: string, bytes: number): Promise<void> {
  const answer = await fetch(`${url}/media/${key}`);
  let received = 0;
  for await (const chunk of answer.body ?? []) received += chunk.length;
  if (received !== bytes) throw new Error(`Expected ${bytes} bytes, got ${received}`);
}
