// A creator with many posts: their deletion against the bare `delete` and the bare unlinks of an identical copy.
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { requestDeletion } from '../../src/deletions/request.ts';
import { type Deletion, findDeletion } from '../../src/deletions/store.ts';
import { type Appliance, anAppliance, type Client } from '../../test/support/appliance.ts';
import { aContext } from '../../test/support/context.ts';
import { measureLoad, ratioOf, startLoad } from './load.ts';
import { type Ratio, seconds, sizeFrom, tell } from './report.ts';
import { seedFiles, seedJobs, seedUploads } from './seed.ts';

const JOBS = sizeFrom('BENCH_JOBS', 100_000);
const FILES = sizeFrom('BENCH_JOB_FILES', 1_000);
const QUIET_MS = 30_000;
const AT_ONCE = 16;

interface Copy {
  creator_id: string;
  keys: string[];
}

export async function deletion(): Promise<Ratio[]> {
  await using app = await anAppliance({ API_REQUESTS_PER_MINUTE: '0', LOG_LEVEL: 'warn' });
  const { database_url, data_dir } = app;
  const ctx = await aContext({ database_url, data_dir, tiktok_url: app.sandbox.url });
  try {
    const reader = await app.creator();
    await fill(ctx.db, app, reader, 1_000);
    const copies: Copy[] = [];
    for (const name of ['first', 'second', 'third']) {
      copies.push(await fill(ctx.db, app, await app.creator(name), JOBS));
    }
    const [first, second, third] = copies as [Copy, Copy, Copy];
    await ctx.db.raw('vacuum analyze');
    await ctx.db.raw('checkpoint');
    const before = await measureLoad(app.url, reader.key, QUIET_MS);

    // The bare one before and after, so that what the first leaves to the second is shared out.
    const bare = [await bareDeletion(ctx.db, app, reader, first)];
    const load = startLoad(app.url, reader.key);
    const { id } = await requestDeletion(ctx, second.creator_id, 'self_service');
    const done = await untilDone(ctx.db, id);
    const during = await load.stop();
    bare.push(await bareDeletion(ctx.db, app, reader, third));

    const ours = (done.erased_at as Date).getTime() - done.requested_at.getTime();
    const theirs = (bare[0] as number) / 2 + (bare[1] as number) / 2;
    tell(`${JOBS} posts and ${FILES} files: ${seconds(ours)} from request to erased`);
    tell(`bare delete and unlinks: ${bare.map(seconds).join(' and ')}`);
    tell(`search for traces, beside it: ${seconds(done.receipt.search_ms ?? 0)}`);
    const after = await measureLoad(app.url, reader.key, QUIET_MS);
    const slower = ratioOf([before, after], during);
    return [
      { what: 'deletion ÷ bare delete and unlinks', ratio: ours / theirs, limit: 2 },
      { what: 'p99 of the API during a deletion', ratio: slower, limit: 1.5 },
    ];
  } finally {
    await ctx.db.destroy();
  }
}

async function fill(
  db: Knex,
  { data_dir }: Appliance,
  { creator_id }: Client,
  jobs: number,
): Promise<Copy> {
  const keys = seedFiles(data_dir, FILES);
  await seedUploads(db, creator_id, keys, new Date(Date.now() + 1e9));
  await seedJobs(db, creator_id, jobs, keys);
  return { creator_id, keys };
}

/** With the same requests going on beside it. */
async function bareDeletion(
  db: Knex,
  app: Appliance,
  reader: Client,
  { creator_id, keys }: Copy,
): Promise<number> {
  const load = startLoad(app.url, reader.key);
  const started_at = performance.now();
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const some = keys.slice(at, at + AT_ONCE);
    await Promise.all(some.map((key) => unlink(join(app.data_dir, 'media', key.slice(0, 2), key))));
  }
  await db('creators').where({ id: creator_id }).delete();
  const took = performance.now() - started_at;
  await load.stop();
  return took;
}

async function untilDone(db: Knex, id: string): Promise<Deletion> {
  for (;;) {
    const deletion = await findDeletion(db, id);
    if (deletion?.done_at) return deletion;
    await sleep(100);
  }
}
