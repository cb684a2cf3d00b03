// Shows that one process at a time sweeps, and that a sweep ends when its lock is lost.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { removeDormant } from '../../src/retention/accounts.ts';
import { createPace } from '../../src/retention/batches.ts';
import { reconcile } from '../../src/retention/reconcile.ts';
import { RECONCILE_LOCK, SWEEP_LOCK } from '../../src/retention/store.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { ago, aKept, DAY, HOUR, type Kept, never, swept } from './kept.ts';

// Longer than the time after which the database ends an idle transaction.
const LONG_MS = 17_000;

describe('the lock of a sweep', () => {
  let itIs: Kept;
  beforeEach(async () => {
    itIs = await aKept();
  });
  afterEach(() => itIs[Symbol.asyncDispose]());

  async function holders(lock: number): Promise<number[]> {
    const { rows } = await itIs.ctx.db.raw(
      `select pid from pg_locks where locktype = 'advisory' and objid = ? and granted
          and database = (select oid from pg_database where datname = current_database())`,
      [lock],
    );
    return rows.map(({ pid }: { pid: number }) => pid);
  }

  it('is held for as long as the sweep takes, and no line is lost', async () => {
    const { ctx } = itIs;
    await itIs.file({ expires_at: ago(DAY) });
    let held: number[] = [];
    ctx.storage.removeAbandoned = async () => {
      await sleep(LONG_MS);
      held = await holders(SWEEP_LOCK);
      return { removed: 1, bytes: 2 };
    };
    await sweep(ctx, never);
    expect(held).to.have.length(1);
    expect(await swept(ctx)).to.deep.equal({ unfinished_uploads: 1, uploads: 1 });
    expect(await holders(SWEEP_LOCK)).to.deep.equal([]);
  });

  it('is held by a walk and by a removal of files that a slow disk holds up', async () => {
    const { ctx } = itIs;
    const [upload, stray] = [
      await itIs.file({ expires_at: ago(DAY) }),
      await itIs.strayFile(2 * HOUR),
    ];
    const { remove } = ctx.storage;
    ctx.storage.remove = async (key) => {
      await sleep(LONG_MS);
      await remove(key);
    };
    let held: number[] = [];
    const walked = reconcile(ctx, {}, never);
    await Promise.all([
      sweep(ctx, never),
      walked,
      sleep(LONG_MS - 500).then(async () => {
        held = await holders(RECONCILE_LOCK);
      }),
    ]);
    expect(held).to.have.length(1);
    for (const key of [upload, stray]) expect(await itIs.hasFile(key)).to.equal(false);
    expect(await swept(ctx)).to.deep.equal({ uploads: 1, files_without_row: 1 });
  });

  it('ends the sweep when it is lost', async () => {
    const { ctx } = itIs;
    const over = await itIs.file({ expires_at: ago(DAY) });
    ctx.storage.removeAbandoned = async () => {
      for (const pid of await holders(SWEEP_LOCK)) {
        await ctx.db.raw('select pg_terminate_backend(?)', [pid]);
      }
      await sleep(6_000);
      return { removed: 0, bytes: 0 };
    };
    expect(await sweep(ctx, never).catch((error) => error)).to.be.instanceOf(Error);
    expect(await itIs.hasRow(over)).to.equal(true);
  });

  it('leaves a sweep to another process that holds it', async () => {
    const { ctx } = itIs;
    const over = await itIs.file({ expires_at: ago(DAY) });
    await ctx.db.transaction(async (trx) => {
      await trx.raw('select pg_advisory_xact_lock(?)', [SWEEP_LOCK]);
      await sweep(ctx, never);
    });
    expect(await itIs.hasRow(over)).to.equal(true);
  });

  it('counts accounts one by one, so that an end in the middle loses none', async () => {
    const { ctx } = itIs;
    await ctx.db('creators').delete();
    const row = (n: number) => ({
      open_id: `o${n}`,
      plan: 'paid',
      disconnected_at: ago(400 * DAY),
    });
    await ctx.db('creators').insert([1, 2, 3, 4, 5].map(row));
    const stopping = new AbortController();
    let asked = 0;
    ctx.db.on('query', ({ sql }: { sql: string }) => {
      if (/insert into "deletions"/.test(sql)) asked += 1;
      if (asked === 2) stopping.abort();
    });
    await removeDormant(ctx, createPace(stopping.signal));
    expect(await ctx.db('deletions')).to.have.length(2);
    expect(await swept(ctx)).to.deep.equal({ accounts_disconnected: 2 });
    expect(await ctx.db('sweeps')).to.have.length(1);
    await removeDormant(ctx, createPace(never));
    expect(await swept(ctx)).to.deep.equal({ accounts_disconnected: 5 });
  });
});
