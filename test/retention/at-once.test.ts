// Shows that sweeps which run together, are killed or are stopped remove the right things once.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createPace } from '../../src/retention/batches.ts';
import { removeUploads } from '../../src/retention/files.ts';
import { reconcile } from '../../src/retention/reconcile.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { ago, aKept, DAY, HOUR, type Kept, never, swept } from './kept.ts';

const CHILD = join(import.meta.dirname, 'sweeping-run.ts');
const KILLS = 12;

/** Makes things of each kind that must be removed, and of each kind that must stay. */
async function fill(itIs: Kept, count: number) {
  const { db } = itIs.ctx;
  for (let n = 0; n < count; n += 1) {
    await itIs.file({ expires_at: ago(DAY) });
    await itIs.strayFile(2 * HOUR);
    const copy = await itIs.file({ purpose: 'working' });
    await itIs.job({ state: 'finished', finished_at: ago(HOUR), output_key: copy });
    await itIs.ctx.storage.remove(await itIs.file());
  }
  const stay = [await itIs.file(), await itIs.file({ expires_at: ago(DAY) })];
  await itIs.job({ state: 'sending', source_key: stay[1] as string });
  await db('sessions').insert(
    Array.from({ length: count }, (_, n) => ({
      ...{ id_hash: `s${n}`, creator_id: itIs.creator_id, expires_at: ago(HOUR) },
    })),
  );
  return {
    stay,
    counts: {
      ...{ uploads: count, working_copies: count, sessions: count },
      ...{ files_without_row: count, rows_without_file: count },
    },
  };
}

async function expectSwept(itIs: Kept, stay: string[]): Promise<void> {
  const { ctx } = itIs;
  const files: string[] = [];
  for await (const { key } of ctx.storage.list()) files.push(key);
  expect(files).to.have.members(stay);
  expect(await ctx.db('media').pluck('storage_key')).to.have.members(stay);
  expect(await ctx.db('sessions')).to.have.length(0);
}

describe('sweeps', () => {
  it('of two processes at once remove each thing once, and count it once', async () => {
    await using itIs = await aKept();
    const { stay, counts } = await fill(itIs, 130);
    const run = () =>
      promisify(execFile)(process.execPath, [CHILD, itIs.database_url, itIs.data_dir]);
    await Promise.all([run(), run(), run()]);
    await expectSwept(itIs, stay);
    expect(await swept(itIs.ctx)).to.deep.equal(counts);
  });

  it('share the work even without their lock, and count each thing once', async () => {
    await using itIs = await aKept();
    for (let n = 0; n < 250; n += 1) await itIs.file({ expires_at: ago(DAY) });
    await Promise.all([1, 2, 3].map(() => removeUploads(itIs.ctx, createPace(never))));
    await removeUploads(itIs.ctx, createPace(never));
    expect(await itIs.ctx.db('media')).to.have.length(0);
    expect(await swept(itIs.ctx)).to.deep.equal({ uploads: 250 });
  });

  it('killed anywhere leave nothing that the next does not repair', async () => {
    const points = await pointsOfOne();
    let kills = 0;
    for (let n = 0; n < KILLS; n += 1) {
      await using itIs = await aKept();
      const { stay } = await fill(itIs, 3);
      const killAt = 1 + Math.floor((n + Math.random()) * (points / KILLS));
      const args = [CHILD, itIs.database_url, itIs.data_dir, String(killAt)];
      const killed = await promisify(execFile)(process.execPath, args).catch((error) => error);
      if (killed.signal) kills += 1;
      // The server takes a moment to notice that the process is gone and to free its locks.
      const locks =
        "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
      while ((await itIs.ctx.db.raw(locks)).rows.length > 0) await sleep(20);
      for (const key of stay) expect(await itIs.hasFile(key), `${killAt}`).to.equal(true);
      await sweep(itIs.ctx, never);
      await itIs.ctx.db.raw('delete from graphile_worker._private_jobs');
      await reconcile(itIs.ctx, {}, never);
      await expectSwept(itIs, stay);
    }
    // The last points differ by whether database or storage answers first.
    expect(kills).to.be.greaterThan(KILLS - 3);
  }).timeout(300_000);

  async function pointsOfOne(): Promise<number> {
    await using itIs = await aKept();
    await fill(itIs, 3);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[CHILD, itIs.database_url, itIs.data_dir],
    ]);
    return Number(stdout);
  }

  it('that run out of time come again by themselves, and a walk goes on where it stopped', async () => {
    await using itIs = await aKept();
    const { ctx } = itIs;
    for (let n = 0; n < 230; n += 1) await itIs.strayFile(2 * HOUR);
    const stopping = new AbortController();
    const { list } = ctx.storage;
    const walked: (string | undefined)[] = [];
    ctx.storage.list = async function* (after?: string) {
      walked.push(after);
      let seen = 0;
      for await (const found of list(after)) {
        seen += 1;
        // The process is told to stop in the middle of the second batch.
        if (walked.length === 1 && seen === 150) stopping.abort();
        yield found;
      }
    };
    await reconcile(ctx, {}, stopping.signal);
    const [waiting] = await runsOf(ctx, 'retention.mend');
    expect(waiting.payload).to.include({ walk: 'files' });
    // The regular run leaves the work to the run that waits.
    await reconcile(ctx, {}, never);
    expect(walked).to.have.length(1);
    await reconcile(ctx, waiting.payload, never);
    expect(walked).to.deep.equal(['', waiting.payload.after]);
    expect(await swept(ctx)).to.deep.equal({ files_without_row: 230 });

    await itIs.file({ expires_at: ago(DAY) });
    await sweep(ctx, AbortSignal.abort());
    expect(await runsOf(ctx, 'retention.sweep')).to.have.length(1);
  });

  async function runsOf(ctx: Kept['ctx'], key: string) {
    const { rows } = await ctx.db.raw(
      'select payload from graphile_worker._private_jobs where key = ?',
      [key],
    );
    return rows;
  }
});
