// Shows the protocol with graphile-worker: adding, keeping, freeing and clearing runs.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Database, openDatabase } from '../../src/base/database.ts';
import {
  findQueuedKeys,
  isHeld,
  queueChore,
  queueRuns,
  queueStep,
  removeCreatorQueue,
  unqueue,
  unqueueAll,
} from '../../src/queue/queue.ts';
import {
  boundWaits,
  clearQueue,
  findUnownedLocks,
  isAlone,
  REPAIR_LOCK,
  removeIdleQueues,
  repairQueues,
  unlockIdle,
  unlockPools,
} from '../../src/queue/repair.ts';
import { freshDatabase } from '../support/database.ts';

const NOW = Math.floor(Date.now() / 1000) * 1000;
const inSeconds = (seconds: number) => new Date(NOW + seconds * 1000);

interface Row {
  key: string;
  minutes: number;
}

const SWEEP = { name: 'retention.sweep', key: 'sweep' };

describe('the queue', () => {
  let db: Database;
  before(async () => {
    db = openDatabase((await freshDatabase()).connection);
  });
  after(() => db?.destroy());
  beforeEach(() => clearQueue((sql) => db.raw(sql)));

  const add = (jobId: string, runAt: Date, more: object = {}) => ({
    ...{ job_id: jobId, step: 'publish.send', run_at: runAt, attempts: null, queueName: null },
    ...more,
  });
  const runs = () => db('graphile_worker._private_jobs').orderBy('id');
  const queues = () => db('graphile_worker._private_job_queues');
  const hold = (poolId: string, ago = '1 minute') =>
    runs().update({ locked_by: poolId, locked_at: db.raw('now() - ?::interval', [ago]) });

  it('holds one waiting run per job, whose time a move sets', async () => {
    const id = randomUUID();
    await queueStep(db, add(id, inSeconds(60), { attempts: 3 }));
    await queueStep(db, add(id, inSeconds(600)));
    const [run, ...others] = await runs();
    expect(others).to.deep.equal([]);
    expect(run.run_at).to.deep.equal(inSeconds(600));
    expect(run.payload).to.deep.equal({ job_id: id });
    expect(run.max_attempts).to.equal(32_767);
  });

  it('keeps the earlier time of a wake when a run asks to be run again', async () => {
    const id = randomUUID();
    const wake = inSeconds(1);
    await queueStep(db, add(id, wake));
    await queueStep(db, add(id, inSeconds(600)), 'preserve_run_at');
    expect((await runs()).map(({ run_at }) => run_at)).to.deep.equal([wake]);
  });

  it('takes out the waiting runs of one job or of many, and no other', async () => {
    const ids = [1, 2, 3, 4].map(() => randomUUID());
    for (const id of ids) await queueStep(db, add(id, inSeconds(60)));
    await unqueue(db, ids[0] as string);
    await unqueueAll(db, ids.slice(1, 3));
    expect((await runs()).map(({ key }) => key)).to.deep.equal([`job:${ids[3]}`]);
  });

  it('holds a chore once under its key, and tells whether it will still be run', async () => {
    await queueChore(db, SWEEP);
    await queueChore(db, { ...SWEEP, payload: { n: 2 } });
    await queueChore(db, { name: 'retention.copies', key: 'copies' });
    expect((await runs()).map(({ key, payload }) => [key, payload])).to.deep.equal([
      ...[
        ['sweep', { n: 2 }],
        ['copies', {}],
      ],
    ]);
    await runs().where({ key: 'copies' }).update({ attempts: 32_767 });
    expect([...(await findQueuedKeys(db, ['sweep', 'copies', 'none']))]).to.deep.equal(['sweep']);
  });

  it('holds many runs at once, each under its key, and keeps the time of one that was woken', async () => {
    const wake = inSeconds(1);
    const named = (key: string, runAt: Date) => ({
      ...{ name: 'events.deliver', key, payload: { key }, runAt },
    });
    await queueRuns(db, [named('a', wake), named('b', inSeconds(60))]);
    await queueRuns(db, [named('a', inSeconds(600)), named('c', wake)], 'preserve_run_at');
    await queueRuns(db, [named('b', inSeconds(90))]);
    const found = (await runs()).map(({ key, run_at, payload }) => [key, run_at, payload]);
    expect(found).to.have.deep.members([
      ...[
        ['a', wake, { key: 'a' }],
        ['b', inSeconds(90), { key: 'b' }],
        ['c', wake, { key: 'c' }],
      ],
    ]);
    const [{ id }] = await runs();
    expect(await isHeld(db, id)).to.equal(false);
    await hold('pool-1');
    expect(await isHeld(db, id)).to.equal(true);
  });

  it('gives back what a dead pool held, with its time', async () => {
    const at = inSeconds(-5);
    for (const pool of ['dead', 'alive']) {
      await queueStep(db, add(randomUUID(), at));
      await runs().whereNull('locked_by').update({ locked_by: pool, locked_at: new Date() });
    }
    await unlockPools(db, []);
    await unlockPools(db, ['dead']);
    const found = (await runs()).map(({ locked_by, run_at }) => [locked_by, run_at]);
    expect(found).to.deep.equal([
      [null, at],
      ['alive', at],
    ]);
  });

  it('finds what is held under an id that no living pool bears', async () => {
    await queueStep(db, add(randomUUID(), inSeconds(0)));
    await hold('pool-9');
    expect(await findUnownedLocks(db, 20_000)).to.deep.equal(['pool-9']);
    expect(await findUnownedLocks(db, 90_000), 'held for too short a time').to.deep.equal([]);
    await db('worker_pools').insert({ pool_id: 'pool-9', lane: 'sends' });
    expect(await findUnownedLocks(db, 20_000), 'it lives').to.deep.equal([]);
    await db('worker_pools').update({ declared_dead: true });
    expect(await findUnownedLocks(db, 20_000)).to.deep.equal(['pool-9']);
  });

  it('clears runs without a key that can never run again, and keeps all others', async () => {
    await queueStep(db, add(randomUUID(), inSeconds(0)));
    await queueChore(db, SWEEP);
    await runs().where({ key: 'sweep' }).update({ key: null });
    await repairQueues(db, 30_000);
    expect(await runs()).to.have.length(2);
    await runs().update({ attempts: 32_767 });
    await repairQueues(db, 30_000);
    const [left, ...others] = await runs();
    expect(left.key).to.match(/^job:/);
    expect(others).to.deep.equal([]);
  });

  it('bounds the wait of what failed, by its kind, and leaves a time that was asked for', async () => {
    const Hour = 3_600;
    const waits = { tasks: ['publish.send'], tasksMs: 300_000, othersMs: 900_000 };
    const [failed, planned] = [randomUUID(), randomUUID()];
    for (const id of [failed, planned]) await queueStep(db, add(id, inSeconds(6 * Hour)));
    for (const key of ['failed', 'held']) {
      await queueChore(db, { name: 'retention.sweep', key, runAt: inSeconds(6 * Hour) });
    }
    const keys = [`job:${failed}`, 'failed', 'held'];
    // What graphile-worker leaves after the ninth fault, and what a pool holds at this moment.
    await runs().whereIn('key', keys).update({ attempts: 9, last_error: 'Error' });
    await runs().where({ key: 'held' }).update({ locked_by: 'pool-1', locked_at: new Date() });
    await boundWaits(db, waits);
    const { rows } = await db.raw(
      `select key, round(extract(epoch from run_at - now()) / 60)::int as minutes
         from graphile_worker._private_jobs`,
    );
    const minutes = Object.fromEntries(rows.map((row: Row) => [row.key, row.minutes]));
    expect(minutes).to.deep.equal({
      ...{ [`job:${failed}`]: 5, [`job:${planned}`]: 360 },
      ...{ failed: 15, held: 360 },
    });
  });

  it('frees what a broken pool holds and does not run, with the queues of those runs', async () => {
    const [ended, going] = [randomUUID(), randomUUID()];
    for (const id of [ended, going]) {
      await queueStep(db, add(id, inSeconds(0), { queueName: `creator:${id}` }));
    }
    await hold('broken');
    await queues().update({
      locked_by: 'broken',
      locked_at: db.raw("now() - interval '1 minute'"),
    });
    const [{ id: runId }] = await runs().where({ key: `job:${going}` });
    await unlockIdle(db, 'broken', { runIds: [runId], askingMs: 90_000 });
    const held = async () => [
      (await runs().whereNotNull('locked_by')).map(({ key }) => key),
      (await queues().whereNotNull('locked_by')).map(({ queue_name }) => queue_name),
    ];
    expect((await held())[0], 'what it may be taking now').to.have.length(2);
    await unlockIdle(db, 'broken', { runIds: [runId], askingMs: 0 });
    expect(await held()).to.deep.equal([[`job:${going}`], [`creator:${going}`]]);
  });

  it('removes names of queues that hold nothing, and a creator’s with the creator', async () => {
    for (const name of ['creator:a', 'creator:b']) {
      await queueStep(db, add(randomUUID(), inSeconds(60), { queueName: name }));
    }
    const names = async () => (await queues().orderBy('id')).map(({ queue_name }) => queue_name);
    await removeIdleQueues(db);
    expect(await names()).to.deep.equal(['creator:a', 'creator:b']);
    await runs().delete();
    await queues().where({ queue_name: 'creator:b' }).update({ locked_at: new Date() });
    await removeIdleQueues(db);
    expect(await names()).to.deep.equal(['creator:b']);
    expect(await removeCreatorQueue(db, 'b')).to.deep.equal({
      'graphile_worker._private_job_queues': 1,
    });
    expect(await names()).to.deep.equal([]);
  });

  it('is cared for by one process at a time', async () => {
    await db.transaction(async (trx) => {
      expect(await isAlone(trx, REPAIR_LOCK)).to.equal(true);
      expect(await db.transaction((other) => isAlone(other, REPAIR_LOCK))).to.equal(false);
    });
    expect(await db.transaction((other) => isAlone(other, REPAIR_LOCK))).to.equal(true);
  });
});

describe('a queue whose holder runs nothing of it', () => {
  it('is freed, so that the creator’s next post is not held up', async () => {
    const db = openDatabase((await freshDatabase()).connection);
    await db.raw(`select graphile_worker.add_job('publish.send', '{}', queue_name := 'creator:x')`);
    await db.raw(
      `update graphile_worker._private_job_queues set locked_at = now() - interval '1 minute', locked_by = 'pool-b'`,
    );
    await db.transaction((trx) => repairQueues(trx, 30_000));
    const { rows } = await db.raw('select locked_by from graphile_worker._private_job_queues');
    expect(rows).to.deep.equal([{ locked_by: null }]);
    await db.destroy();
  });
});
