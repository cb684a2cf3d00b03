// Measures how much slower the API answers while many expired files and rows are swept.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { type Appliance, anAppliance, type Client } from '../../test/support/appliance.ts';
import { compareLatency, measureLoad, startLoad } from './load.ts';
import { type Ratio, seconds, sizeFrom, tell } from './report.ts';
import { seedFiles, seedJobs, seedUploads } from './seed.ts';

const FILES = sizeFrom('BENCH_FILES', 100_000);
const QUIET_MS = 30_000;
/** How long to wait for the last writes before the quiet time begins. */
const SETTLE_MS = 20_000;

export async function benchSweep(): Promise<Ratio[]> {
  await using app = await anAppliance({ API_REQUESTS_PER_MINUTE: '0', LOG_LEVEL: 'warn' });
  const { db } = app;
  const reader = await app.creator();
  await fillReader(db, app, reader);
  const { creatorId } = await app.creator('another');
  const keys = seedFiles(app.data_dir, FILES);
  // They expire by themselves right after the baseline is measured.
  const overAt = Date.now() + SETTLE_MS + QUIET_MS;
  await seedUploads(db, creatorId, keys, new Date(overAt));
  await db.raw('vacuum analyze');
  await db.raw('checkpoint');
  const before = await measureLoad(app.url, reader.key, QUIET_MS);
  await sleep(Math.max(0, overAt - Date.now()));

  const load = startLoad(app.url, reader.key);
  const startedAt = performance.now();
  await db.raw("select graphile_worker.add_job('retention.sweep', job_key := 'retention.sweep')");
  while (await hasMedia(db, creatorId)) await sleep(1_000);
  const took = performance.now() - startedAt;
  const during = await load.stop();
  tell(`${FILES} files and rows went in ${seconds(took)}`);
  const after = await measureLoad(app.url, reader.key, QUIET_MS);
  const ratio = compareLatency([before, after], [during]);
  return [{ what: 'p99 of the API during a sweep', ratio, limit: 1.5 }];
}

async function fillReader(db: Knex, { data_dir }: Appliance, { creatorId }: Client) {
  const keys = seedFiles(data_dir, 10);
  await seedUploads(db, creatorId, keys, new Date(Date.now() + 1e9));
  await seedJobs(db, creatorId, 1_000, keys);
}

async function hasMedia(db: Knex, creatorId: string): Promise<boolean> {
  return (await db('media').where({ creator_id: creatorId }).first('storage_key')) !== undefined;
}
