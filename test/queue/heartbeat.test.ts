// Shows who counts as alive, who is declared dead, and that their work is freed.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  beat,
  declareDead,
  hasLivingWorkers,
  reapDeadPools,
  registerPool,
  unregisterPool,
} from '../../src/queue/heartbeat.ts';
import { POOL_NAMES } from '../../src/queue/pool-names.ts';
import { type QueueContext, queueStep } from '../../src/queue/queue.ts';
import { aQueue } from '../support/queue.ts';

describe('the heartbeat', () => {
  let queue: QueueContext;
  before(async () => {
    queue = await aQueue({ chanceToBeatMs: 0 });
  });
  after(() => queue?.db.destroy());
  beforeEach(() => queue.db('worker_pools').delete());

  const pools = () => queue.db('worker_pools').orderBy('pool_id');
  const silentFor = (poolId: string, interval: string) =>
    pools()
      .where({ pool_id: poolId })
      .update({ beat_at: queue.db.raw('now() - ?::interval', [interval]) });
  const run = async (poolId: string) => {
    const id = randomUUID();
    const step = { job_id: id, step: 'publish.send', run_at: new Date(), attempts: null };
    await queueStep(queue.db, { ...step, queueName: null });
    const row = queue.db('graphile_worker._private_jobs').where({ key: `job:${id}` });
    await row
      .clone()
      .update({ locked_by: poolId, locked_at: queue.db.raw("now() - interval '1 hour'") });
    return async () => (await row.clone().first()).locked_by;
  };

  const beatOnce = async (poolId: string, lookedMs = 0) => {
    const { alive } = await beat(queue.db, [{ poolId, lookedMs }]);
    return alive.has(poolId);
  };

  it('tells that workers live, while a pool of each kind beats and looks for work', async () => {
    const [first, ...others] = POOL_NAMES;
    for (const name of others) await registerPool(queue.db, name, name);
    expect(await hasLivingWorkers(queue), 'one kind is missing').to.equal(false);
    await registerPool(queue.db, 'a', first);
    expect(await hasLivingWorkers(queue)).to.equal(true);
    await silentFor('a', '1 hour');
    expect(await hasLivingWorkers(queue), 'it is silent').to.equal(false);
    expect(await beatOnce('a', queue.timing.stuckMs)).to.equal(true);
    expect(await hasLivingWorkers(queue), 'it does not look').to.equal(false);
    expect(await beatOnce('a')).to.equal(true);
    expect(await hasLivingWorkers(queue)).to.equal(true);
    await unregisterPool(queue, 'a');
    expect(await hasLivingWorkers(queue)).to.equal(false);
  });

  it('declares the silent dead, for ever, and frees what they and nobody held', async () => {
    for (const id of ['alive', 'silent']) await registerPool(queue.db, id, 'sends');
    await silentFor('silent', '1 hour');
    const [alive, silent, unknown] = [await run('alive'), await run('silent'), await run('none')];
    expect(await declareDead(queue, 20_000)).to.deep.equal(['silent']);
    expect([await alive(), await silent(), await unknown()]).to.deep.equal(['alive', null, null]);
    expect(await beatOnce('silent')).to.equal(false);
    expect(await declareDead(queue, 20_000)).to.deep.equal([]);
  });

  it('keeps the dead for thirty days, so that one who wakes up finds it out', async () => {
    for (const id of ['long', 'short']) await registerPool(queue.db, id, 'sends');
    await pools().update({ declared_dead: true });
    await silentFor('long', '31 days');
    await silentFor('short', '29 days');
    await declareDead(queue, 20_000);
    expect((await pools()).map(({ pool_id }) => pool_id)).to.deep.equal(['short']);
  });

  it('declares nobody dead before this process has reached the database, and then the silent', async () => {
    await registerPool(queue.db, 'silent', 'sends');
    await silentFor('silent', '1 hour');
    expect(await reapDeadPools(queue)).to.deep.equal([]);
    expect((await pools())[0].declared_dead).to.equal(false);
    queue.databaseContact.recordAnswer((await beat(queue.db, [])).databaseMs);
    expect(await reapDeadPools(queue)).to.deep.equal(['silent']);
  });

  it('frees what a pool holds when it goes by itself', async () => {
    await registerPool(queue.db, 'going', 'sends');
    const held = await run('going');
    await unregisterPool(queue, 'going');
    expect(await held()).to.equal(null);
  });
});
