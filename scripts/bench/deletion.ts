// Measures the deletion of a creator with many posts against bare deletes and unlinks of as many.
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { requestDeletion } from '../../src/deletion/request.ts';
import { type Deletion, findDeletion } from '../../src/deletion/store.ts';
import { type Appliance, anAppliance, type Client } from '../../test/support/appliance.ts';
import { aContext } from '../../test/support/context.ts';
import { type Answers, compareLatency, splitAt, startLoad } from './load.ts';
import { type Ratio, seconds, sizeFrom, tell } from './report.ts';
import { seedFiles, seedJobs, seedUploads } from './seed.ts';

const JOBS = sizeFrom('BENCH_JOBS', 100_000);
const FILES = sizeFrom('BENCH_JOB_FILES', 1_000);
const QUIET_MS = 10_000;
const ROUNDS = sizeFrom('BENCH_ROUNDS', 4);
const AT_ONCE = 16;

interface Copy {
  creator_id: string;
  keys: string[];
}

/** Alternates the two, so that neither always has the fuller tables or the warmer disk. */
export async function deletion(): Promise<Ratio[]> {
  await using app = await anAppliance({ API_REQUESTS_PER_MINUTE: '0', LOG_LEVEL: 'warn' });
  const { database_url, data_dir } = app;
  const ctx = await aContext({ database_url, data_dir, tiktok_url: app.sandbox.url });
  try {
    const reader = await app.creator();
    await fill(ctx.db, app, reader, 1_000);
    const took = { bare: 0, ours: 0, search: 0 };
    const quiet: Answers[] = [];
    const busy: Answers[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const one = await fill(ctx.db, app, await app.creator(`one${round}`), JOBS);
      const other = await fill(ctx.db, app, await app.creator(`other${round}`), JOBS);
      await ctx.db.raw('vacuum analyze');
      await ctx.db.raw('checkpoint');
      const bare = () => bareDeletion(ctx.db, app, reader, one);
      if (round % 2 === 1) took.bare += await bare();
      const load = startLoad(app.url, reader.key);
      await sleep(QUIET_MS);
      const begunAt = Date.now();
      const { id } = await requestDeletion(ctx, other.creator_id, 'self_service');
      const done = await untilDone(ctx.db, id);
      const [before, during] = splitAt(begunAt, await load.stop());
      quiet.push(before);
      busy.push(during);
      if (round % 2 === 0) took.bare += await bare();
      took.ours += (done.erased_at as Date).getTime() - done.requested_at.getTime();
      took.search += done.receipt.search_ms ?? 0;
    }
    tell(
      `${ROUNDS} × ${JOBS} posts and ${FILES} files: ${seconds(took.ours)} from request to erased`,
    );
    tell(`bare delete and unlinks of as many: ${seconds(took.bare)}`);
    tell(`search for traces, beside it: ${seconds(took.search)}`);
    return [
      { what: 'deletion ÷ bare delete and unlinks', ratio: took.ours / took.bare, limit: 2 },
      { what: 'p99 of the API during a deletion', ratio: compareLatency(quiet, busy), limit: 1.5 },
    ];
  } finally {
    await ctx.db.destroy();
  }
}

async function fill(
  db: Knex,
  { data_dir }: Appliance,
  { creatorId }: Client,
  jobs: number,
): Promise<Copy> {
  const keys = seedFiles(data_dir, FILES);
  await seedUploads(db, creatorId, keys, new Date(Date.now() + 1e9));
  await seedJobs(db, creatorId, jobs, keys);
  return { creator_id: creatorId, keys };
}

/** Deletes with bare SQL and unlinks, under the same load; returns the milliseconds. */
async function bareDeletion(
  db: Knex,
  app: Appliance,
  reader: Client,
  { creator_id, keys }: Copy,
): Promise<number> {
  const load = startLoad(app.url, reader.key);
  const startedAt = performance.now();
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const some = keys.slice(at, at + AT_ONCE);
    await Promise.all(some.map((key) => unlink(join(app.data_dir, 'media', key.slice(0, 2), key))));
  }
  await db('creators').where({ id: creator_id }).delete();
  const took = performance.now() - startedAt;
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
