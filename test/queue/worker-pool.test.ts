// Shows how a worker pool ends, and how it goes on after it broke, died or met dead connections.
import { expect } from 'chai';
import { type Database, openDatabase } from '../../src/base/database.ts';
import type { Timing } from '../../src/base/timing.ts';
import { type Beats, startBeats } from '../../src/queue/beats.ts';
import { DeclaredDead, declareDead } from '../../src/queue/heartbeat.ts';
import type { PoolOptions } from '../../src/queue/pool.ts';
import { type QueueContext, queueChore } from '../../src/queue/queue.ts';
import { startWorkerPool, type WorkerPool } from '../../src/queue/worker-pool.ts';
import { aLine, type DatabaseLine } from '../support/line.ts';
import { aQueue } from '../support/queue.ts';
import { FAST } from '../support/timing.ts';
import { waitUntil } from '../support/wait-until.ts';

function aPromise() {
  let done = (_value?: unknown) => {};
  const promise = new Promise<unknown>((resolve) => {
    done = resolve;
  });
  return { promise, done };
}

describe('a worker pool', () => {
  let line: DatabaseLine;
  let queue: QueueContext;
  let beats: Beats;
  /** Beside the line. */
  let db: Database;
  let pool: WorkerPool | undefined;
  beforeEach(async () => {
    line = await aLine();
    queue = await aQueue(FAST, { connectionString: line.url });
    beats = startBeats(queue);
    db = openDatabase(line.behind);
  });
  afterEach(async () => {
    await pool?.stop();
    pool = undefined;
    await beats.stop();
    await queue.db.destroy();
    await db.destroy();
    await line[Symbol.asyncDispose]();
  });

  const start = async (tasks: PoolOptions['tasks'], concurrency = 1) => {
    pool = await startWorkerPool(queue, beats, { name: 'chores', concurrency, cron: [], tasks });
    return pool;
  };
  const add = (name: string) => queueChore(db, { name, key: name });
  const runs = () => db('graphile_worker._private_jobs').orderBy('key').pluck('key');
  const poolIds = () => db('worker_pools').where({ declared_dead: false }).pluck('pool_id');

  it('lets what runs come to its end when it is stopped, and is then no more', async () => {
    const [begun, ending] = [aPromise(), aPromise()];
    let isEnded = false;
    const started = await start(() => ({
      'a.chore': async () => {
        begun.done();
        await ending.promise;
        isEnded = true;
      },
    }));
    await add('a.chore');
    await begun.promise;
    expect(await db('worker_pools').select('lane')).to.deep.equal([{ lane: 'chores' }]);
    const stopped = started.stop();
    ending.done();
    await stopped;
    expect(isEnded).to.equal(true);
    expect(await db('worker_pools')).to.deep.equal([]);
    expect(await runs()).to.deep.equal([]);
  });

  it('aborts its steps when it was declared dead, and goes on under another id', async () => {
    const [first, second] = [aPromise(), aPromise()];
    let runsBegun = 0;
    await start((aborted) => ({
      'a.chore': async () => {
        runsBegun += 1;
        if (runsBegun > 1) return;
        first.done();
        await new Promise((done) => aborted.addEventListener('abort', done));
        second.done(aborted.reason);
        throw aborted.reason;
      },
    }));
    await add('a.chore');
    await first.promise;
    const [before] = await poolIds();
    await declareDead({ ...queue, db }, 0);
    expect(await second.promise).to.be.instanceOf(DeclaredDead);
    await waitUntil(async () => (await poolIds()).some((id) => id !== before));
    await waitUntil(async () => (await db('worker_pools')).length === 1);
    expect(await poolIds()).to.not.include(before);
    await waitUntil(() => runsBegun === 2);
  });

  it('is replaced at once when it broke, beside the run that goes on, which ends once', async () => {
    const [long, ending] = [aPromise(), aPromise()];
    const made: string[] = [];
    await start(
      () => ({
        'a.long': async () => {
          made.push('a.long');
          long.done();
          await ending.promise;
        },
        // Its end cannot be written, which breaks the pool.
        'b.short': async () => {
          if (!made.includes('b.short')) line.cut();
          made.push('b.short');
        },
        'c.next': async () => {
          made.push('c.next');
        },
      }),
      2,
    );
    const [before] = await poolIds();
    await add('a.long');
    await long.promise;
    await add('b.short');
    await waitUntil(() => made.includes('b.short'));
    line.restore();
    await add('c.next');
    await waitUntil(() => made.includes('c.next'));
    await waitUntil(async () => (await runs()).length === 1);
    expect(await runs()).to.deep.equal(['a.long']);
    expect(await poolIds(), 'the old one beats on')
      .to.include(before)
      .and.have.length(2);
    ending.done();
    await waitUntil(async () => (await runs()).length === 0);
    await waitUntil(async () => (await poolIds()).length === 1);
    expect(await poolIds()).to.not.include(before);
    expect(made).to.have.members(['a.long', 'b.short', 'b.short', 'c.next']);
  });

  it('makes no more runs at once than its slots while a replaced one has some', async () => {
    const endings = [aPromise(), aPromise()];
    const begun: number[] = [];
    let isCut = false;
    await start(
      () => ({
        ...Object.fromEntries(
          endings.map(({ promise }, at) => [
            `long.${at}`,
            async () => {
              begun.push(at);
              await promise;
            },
          ]),
        ),
        'z.cut': async () => {
          if (!isCut) line.cut();
          isCut = true;
        },
        'z.last': async () => {
          begun.push(9);
        },
      }),
      2,
    );
    const [before] = await poolIds();
    await add('long.0');
    await waitUntil(() => begun.includes(0));
    await add('z.cut');
    await waitUntil(() => isCut);
    line.restore();
    await waitUntil(async () => (await poolIds()).some((id) => id !== before));
    await add('long.1');
    await waitUntil(() => begun.includes(1));
    await add('z.last');
    // Many looks for work later both slots are still taken.
    const looks = async () => (await db('worker_pools').max('looked_at as at').first())?.at;
    const then = await looks();
    await waitUntil(async () => Number(await looks()) - Number(then) > 5 * (FAST.beatMs ?? 0));
    expect(begun).to.deep.equal([0, 1]);
    endings[0]?.done();
    await waitUntil(() => begun.includes(9));
    endings[1]?.done();
  });

  describe('whose connections are swallowed without a word', () => {
    const made: string[] = [];
    async function swallow(intervals: Partial<Timing>): Promise<string> {
      Object.assign(queue.timing, intervals);
      made.length = 0;
      await start(() => ({
        'a.chore': async () => {
          made.push('a.chore');
        },
      }));
      const [before] = await poolIds();
      await add('a.chore');
      await waitUntil(async () => made.length === 1 && (await runs()).length === 0);
      line.swallow(true);
      await add('a.chore');
      return before;
    }

    it('is replaced, because it looks for no work although it could', async () => {
      const before = await swallow({ queryMs: 60_000 });
      await waitUntil(async () => made.length === 2);
      expect((await poolIds()).filter((id) => id !== before)).to.have.length(1);
      // Its question for work is given up with the process.
      queue.timing.stopPatienceMs = 0;
      queue.timing.closeMs = 0;
    });

    it('gives up each question that is not answered in time, and its connection', async () => {
      const before = await swallow({ stuckMs: 60_000 });
      await waitUntil(async () => made.length === 2);
      expect(await poolIds()).to.deep.equal([before]);
    });
  });
});
