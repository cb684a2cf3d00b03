import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createPace } from '../../src/retention/batches.ts';
import { removeUploads } from '../../src/retention/files.ts';
import { mend } from '../../src/retention/reconcile.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { ago, aKept, DAY, HOUR, type Kept, never, swept } from './kept.ts';

const CHILD = join(import.meta.dirname, 'sweeping-run.ts');
const KILLS = 12;

/** Things of each kind that go, and of each kind that stay. */
async function fill(it_is: Kept, count: number) {
  const { db } = it_is.ctx;
  for (let n = 0; n < count; n += 1) {
    await it_is.file({ expires_at: ago(DAY) });
    await it_is.strayFile(2 * HOUR);
    const copy = await it_is.file({ purpose: 'working' });
    await it_is.job({ state: 'finished', finished_at: ago(HOUR), output_key: copy });
    await it_is.ctx.storage.remove(await it_is.file());
  }
  const stay = [await it_is.file(), await it_is.file({ expires_at: ago(DAY) })];
  await it_is.job({ state: 'sending', source_key: stay[1] as string });
  await db('sessions').insert(
    Array.from({ length: count }, (_, n) => ({
      ...{ id_hash: `s${n}`, creator_id: it_is.creator_id, expires_at: ago(HOUR) },
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

async function expectSwept(it_is: Kept, stay: string[]): Promise<void> {
  const { ctx } = it_is;
  const files: string[] = [];
  for await (const { key } of ctx.storage.list()) files.push(key);
  expect(files).to.have.members(stay);
  expect(await ctx.db('media').pluck('storage_key')).to.have.members(stay);
  expect(await ctx.db('sessions')).to.have.length(0);
}

describe('sweeps', () => {
  it('of two processes at once remove each thing once, and count it once', async () => {
    await using it_is = await aKept();
    const { stay, counts } = await fill(it_is, 130);
    const run = () =>
      promisify(execFile)(process.execPath, [CHILD, it_is.database_url, it_is.data_dir]);
    await Promise.all([run(), run(), run()]);
    await expectSwept(it_is, stay);
    expect(await swept(it_is.ctx)).to.deep.equal(counts);
  });

  it('share the work even without their lock, and count each thing once', async () => {
    await using it_is = await aKept();
    for (let n = 0; n < 250; n += 1) await it_is.file({ expires_at: ago(DAY) });
    await Promise.all([1, 2, 3].map(() => removeUploads(it_is.ctx, createPace(never))));
    await removeUploads(it_is.ctx, createPace(never));
    expect(await it_is.ctx.db('media')).to.have.length(0);
    expect(await swept(it_is.ctx)).to.deep.equal({ uploads: 250 });
  });

  it('killed anywhere leave nothing that the next does not mend', async () => {
    const points = await pointsOfOne();
    let kills = 0;
    for (let n = 0; n < KILLS; n += 1) {
      await using it_is = await aKept();
      const { stay } = await fill(it_is, 3);
      const kill_at = 1 + Math.floor((n + Math.random()) * (points / KILLS));
      const args = [CHILD, it_is.database_url, it_is.data_dir, String(kill_at)];
      const killed = await promisify(execFile)(process.execPath, args).catch((error) => error);
      if (killed.signal) kills += 1;
      // The server takes a moment to see that the process is gone, and its locks with it.
      const locks =
        "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
      while ((await it_is.ctx.db.raw(locks)).rows.length > 0) await sleep(20);
      for (const key of stay) expect(await it_is.hasFile(key), `${kill_at}`).to.equal(true);
      await sweep(it_is.ctx, never);
      await it_is.ctx.db.raw('delete from graphile_worker._private_jobs');
      await mend(it_is.ctx, {}, never);
      await expectSwept(it_is, stay);
    }
    // The last points vary by what database and storage answer first.
    expect(kills).to.be.greaterThan(KILLS - 3);
  }).timeout(300_000);

  async function pointsOfOne(): Promise<number> {
    await using it_is = await aKept();
    await fill(it_is, 3);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[CHILD, it_is.database_url, it_is.data_dir],
    ]);
    return Number(stdout);
  }

  it('that run out of time come again by themselves, and a walk goes on where it stopped', async () => {
    await using it_is = await aKept();
    const { ctx } = it_is;
    for (let n = 0; n < 230; n += 1) await it_is.strayFile(2 * HOUR);
    const stopping = new AbortController();
    const { list } = ctx.storage;
    const walked: (string | undefined)[] = [];
    ctx.storage.list = async function* (after?: string) {
      walked.push(after);
      let seen = 0;
      for await (const found of list(after)) {
        seen += 1;
        // In the middle of the second batch the process is told to stop.
        if (walked.length === 1 && seen === 150) stopping.abort();
        yield found;
      }
    };
    await mend(ctx, {}, stopping.signal);
    const [waiting] = await runsOf(ctx, 'retention.mend');
    expect(waiting.payload).to.include({ walk: 'files' });
    // The regular one leaves it to the one that waits.
    await mend(ctx, {}, never);
    expect(walked).to.have.length(1);
    await mend(ctx, waiting.payload, never);
    expect(walked).to.deep.equal(['', waiting.payload.after]);
    expect(await swept(ctx)).to.deep.equal({ files_without_row: 230 });

    await it_is.file({ expires_at: ago(DAY) });
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
