// Shows how a worker pool ends, and how it goes on after it was declared dead.
import { expect } from 'chai';
import { DeclaredDead, declareDead } from '../../src/queue/heartbeat.ts';
import { type QueueContext, queueChore } from '../../src/queue/queue.ts';
import { startWorkerPool, type WorkerPoolOptions } from '../../src/queue/worker-pool.ts';
import { aQueue } from '../support/queue.ts';
import { FAST } from '../support/timing.ts';

function aPromise() {
  let done = (_value?: unknown) => {};
  const promise = new Promise<unknown>((resolve) => {
    done = resolve;
  });
  return { promise, done };
}

describe('a worker pool', () => {
  let queue: QueueContext;
  beforeEach(async () => {
    queue = await aQueue(FAST);
  });
  afterEach(() => queue.db.destroy());

  const start = (tasks: WorkerPoolOptions['tasks'], stopping = new AbortController()) =>
    startWorkerPool(queue, {
      ...{ name: 'main', concurrency: 1, cron: [], stopping: stopping.signal, tasks },
    });

  it('lets what runs come to its end when it is stopped, and is then no more', async () => {
    const [begun, ending] = [aPromise(), aPromise()];
    let isEnded = false;
    const pool = await start(() => ({
      'a.chore': async () => {
        begun.done();
        await ending.promise;
        isEnded = true;
      },
    }));
    await queueChore(queue.db, { name: 'a.chore', key: 'once' });
    await begun.promise;
    expect(await queue.db('worker_pools').select('lane')).to.deep.equal([{ lane: 'main' }]);
    const stopped = pool.stop();
    ending.done();
    await stopped;
    expect(isEnded).to.equal(true);
    expect(await queue.db('worker_pools')).to.deep.equal([]);
    expect(await queue.db('graphile_worker._private_jobs')).to.deep.equal([]);
  });

  it('aborts its steps when it was declared dead, and goes on under another id', async () => {
    const [first, second] = [aPromise(), aPromise()];
    const pool = await start((aborted) => ({
      'a.chore': async () => {
        if (aborted.aborted) return;
        first.done();
        await new Promise((done) => aborted.addEventListener('abort', done));
        second.done(aborted.reason);
        throw aborted.reason;
      },
      'b.chore': async () => second.done(),
    }));
    await queueChore(queue.db, { name: 'a.chore', key: 'a' });
    await first.promise;
    const [{ pool_id: before }] = await queue.db('worker_pools');
    await declareDead(queue, 0);
    expect(await second.promise).to.be.instanceOf(DeclaredDead);
    let after = before;
    while (after === before) {
      after = (await queue.db('worker_pools').first('pool_id'))?.pool_id ?? before;
    }
    expect(await queue.db('worker_pools').pluck('declared_dead')).to.deep.equal([false]);
    await queue.db('graphile_worker._private_jobs').delete();
    await pool.stop();
  });
});
