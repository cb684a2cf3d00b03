// Measures the download of a large Verified URL against a bare stream from the same server.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { request } from 'undici';
import type { Context } from '../../src/context/context.ts';
import { urlSource } from '../../src/jobs/built-in-sources.ts';
import { downloadSource } from '../../src/media/download-source.ts';
import { makeDurable } from '../../src/storage/fs.ts';
import { anOwnContext } from '../../test/support/context.ts';
import { videoFile } from '../../test/support/videos.ts';
import { type Ratio, seconds, sizeFrom, tell } from './report.ts';

const BYTES = sizeFrom('BENCH_FETCH_BYTES', 1_000_000_000);
const ROUNDS = sizeFrom('BENCH_ROUNDS', 4);
const NEVER = new AbortController().signal;

/** At least 0.8 of the bare stream's speed. */
const LIMIT = 1 / 0.8;

export async function fetching(): Promise<Ratio[]> {
  await using own = await anOwnContext({ env: { FETCH_ALLOW_PRIVATE_NETWORKS: 'true' } });
  const { ctx, data_dir } = own;
  const source = await startSource();
  try {
    const creatorId = await aVerifiedCreator(ctx, source.host);
    const took = { bare: 0, ours: 0, inspection: 0 };
    const { inspect } = ctx;
    // Inspection is not counted: it takes as long for an upload, and does not depend on the size.
    let inspection = 0;
    ctx.inspect = async (...args) => {
      const startedAt = performance.now();
      const found = await inspect(...args);
      inspection = performance.now() - startedAt;
      return found;
    };
    // The first round is not counted, since memory and disk are not warm.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const bare = () => timed(() => bareFetch(source.url, join(data_dir, 'bare.part')));
      const ours = () => timed(() => ownFetch(ctx, creatorId, source.url));
      const [one, other] =
        round % 2 === 0 ? [await bare(), await ours()] : [await ours(), await bare()];
      if (round === 0) continue;
      took.bare += round % 2 === 0 ? one : other;
      took.ours += (round % 2 === 0 ? other : one) - inspection;
      took.inspection += inspection;
    }
    tell(`${ROUNDS} × ${BYTES / 1e6} MB, fetched, hashed and stored: ${seconds(took.ours)}`);
    tell(`inspection, not counted: ${seconds(took.inspection)}`);
    tell(`bare stream of as much to a file: ${seconds(took.bare)}`);
    return [
      { what: 'Verified URL ÷ bare stream to disk', ratio: took.ours / took.bare, limit: LIMIT },
    ];
  } finally {
    source.stop();
  }
}

async function startSource(): Promise<{ host: string; url: string; stop(): void }> {
  const script = join(import.meta.dirname, 'source.ts');
  const child: ChildProcess = spawn(process.execPath, [script, await videoFile(), String(BYTES)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const host = `127.0.0.1:${String(port).trim()}`;
  return { host, url: `http://${host}/v.mp4`, stop: () => child.stdin?.end() };
}

async function aVerifiedCreator(ctx: Context, host: string): Promise<string> {
  const [{ id }] = await ctx.db('creators').insert({ open_id: 'o', plan: 'paid' }).returning('id');
  const now = new Date();
  await ctx.db('domains').insert({
    ...{ creator_id: id, host, token: 'x', verified_at: now, checked_at: now, found_at: now },
  });
  return id;
}

async function bareFetch(url: string, path: string): Promise<void> {
  const { body } = await request(url);
  await pipeline(body, createWriteStream(path));
  await makeDurable(path);
  rmSync(path);
}

async function ownFetch(ctx: Context, creatorId: string, url: string): Promise<void> {
  const job = { creator_id: creatorId, send_at: new Date() };
  const { storage_key } = await downloadSource(ctx, job, {
    ...{ kind: 'video', signal: NEVER, log: ctx.log, settings: {} },
    open: (context) => urlSource.fetch({ url }, context),
  });
  await ctx.storage.remove(storage_key);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
