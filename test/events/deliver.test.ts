import { expect } from 'chai';
import { createLog } from '../../src/base/log.ts';
import { listSubscribers } from '../../src/events/deliver.ts';
import type { DomainEvent } from '../../src/events/event.ts';
import { events } from '../../src/events/module.ts';
import { insertEvent, insertEvents } from '../../src/jobs/store.ts';
import { Later } from '../../src/queue/later.ts';
import { waitUntil } from '../support/wait-until.ts';
import { aSubscribed, happen, owed, runs, type Subscribed } from './subscribed.ts';

const names = (told: DomainEvent[]) => told.map(({ name }) => name);

describe('events', () => {
  it('are delivered once, with what the timeline says, and leave nothing behind', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({ all: { on: ['job.*'], run: tell } }));
    const { ctx, told } = itIs;
    await itIs.work();
    const job = await itIs.job();
    await itIs.happens(job, 'sent');
    await waitUntil(async () => told.length > 0 && (await owed(ctx)) === 0);
    await waitUntil(async () => (await runs(ctx)).length === 0);
    const line = await ctx.db('job_events').where({ job_id: job }).first();
    expect(told).to.have.length(1);
    const { id, ...rest } = told[0] as DomainEvent;
    expect(id).to.be.a('number');
    expect(rest).to.deep.equal({
      ...{ name: 'job.sent', details: line.details, at: line.at },
      subject: { kind: 'job', id: job },
    });
  });

  it('reach those alone who asked for them', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({
      ends: { on: ['job.finished', 'job.failed'], run: tell },
    }));
    const jobs = [await itIs.job(), await itIs.job()];
    await itIs.ctx.db.transaction((trx) => insertEvents(trx, jobs, 'failed', { why: 'x' }));
    await itIs.happens(jobs[0] as string, 'sent', 'finished', 'edited');
    await itIs.work();
    await waitUntil(() => itIs.told.length === 3);
    expect(names(itIs.told).sort()).to.deep.equal(['job.failed', 'job.failed', 'job.finished']);
    expect(await itIs.ctx.db('job_events')).to.have.length(5);
  });

  it('without a subscriber cost nothing: no row, no run', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({ e: { on: ['job.failed'], run: tell } }));
    await itIs.happens(await itIs.job(), 'accepted', 'sent', 'finished');
    expect(await owed(itIs.ctx)).to.equal(0);
    expect(await runs(itIs.ctx)).to.deep.equal([]);
  });

  it('of a transaction that is rolled back have not happened', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({ all: { on: ['job.*'], run: tell } }));
    const job = await itIs.job();
    const rolledBack = itIs.ctx.db.transaction(async (trx) => {
      await insertEvent(trx, job, 'finished');
      throw new Error('no');
    });
    await rolledBack.catch(() => {});
    expect(await owed(itIs.ctx)).to.equal(0);
    expect(await runs(itIs.ctx)).to.deep.equal([]);
    await itIs.work();
    await itIs.happens(job, 'failed');
    await waitUntil(() => itIs.told.length > 0);
    expect(names(itIs.told)).to.deep.equal(['job.failed']);
  });

  it('of one job come in their order, by one run that drains them', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({ all: { on: ['job.*'], run: tell } }));
    const job = await itIs.job();
    const happened = ['accepted', 'prepared', 'opened', 'sent', 'finished'];
    await itIs.happens(job, ...happened);
    expect((await runs(itIs.ctx)).map(({ key }) => key)).to.deep.equal([`event:test.all:${job}`]);
    await itIs.work();
    await waitUntil(() => itIs.told.length === 5);
    expect(names(itIs.told)).to.deep.equal(happened.map((name) => `job.${name}`));
    // One named queue for each job would slow down every worker.
    expect(await itIs.ctx.db('graphile_worker._private_job_queues')).to.deep.equal([]);
  });

  it('that come while an earlier one is being told wait for it', async () => {
    let isTelling = false;
    let isFree = false;
    const seen: string[] = [];
    await using itIs = await aSubscribed(() => ({
      slow: {
        on: ['job.*'],
        async run(_ctx, { name }) {
          expect(isTelling).to.equal(false);
          isTelling = true;
          seen.push(name);
          await waitUntil(() => isFree);
          isTelling = false;
        },
      },
    }));
    await itIs.work();
    const job = await itIs.job();
    await itIs.happens(job, 'sent');
    await waitUntil(() => seen.length === 1);
    await itIs.happens(job, 'finished');
    // The second run has looked, and waits for the first.
    await waitUntil(async () => (await runs(itIs.ctx)).some(({ run_at }) => run_at > new Date()));
    expect(seen).to.deep.equal(['job.sent']);
    isFree = true;
    await waitUntil(async () => (await owed(itIs.ctx)) === 0);
    expect(seen).to.deep.equal(['job.sent', 'job.finished']);
  });

  it('that a subscriber throws at are tried again later and later, and hold up no other job', async () => {
    const tries: number[] = [];
    await using itIs = await aSubscribed(({ tell }) => ({
      shaky: {
        on: ['job.*'],
        async run(ctx, event, signal) {
          if (event.name === 'job.sent' && tries.push(Date.now()) <= 2) throw new Error('away');
          await tell(ctx, event, signal);
        },
      },
    }));
    const { ctx, told } = itIs;
    await itIs.work();
    const [shaky, other] = [await itIs.job(), await itIs.job()];
    await itIs.happens(shaky, 'sent');
    await waitUntil(() => tries.length === 1);
    await itIs.happens(shaky, 'finished');
    await itIs.happens(other, 'finished');
    await waitUntil(() => told.length === 1);
    expect(told[0]?.subject.id).to.equal(other);
    const waiting = await ctx.db('event_deliveries').orderBy('id').first();
    expect(waiting).to.include({ tries: 1, fault: 'Error', name: 'job.sent', given_up_at: null });
    await waitUntil(() => told.length === 3);
    expect(names(told.slice(1))).to.deep.equal(['job.sent', 'job.finished']);
    const [first = 0, second = 0, third = 0] = tries;
    expect(second - first).to.be.at.least(1_000);
    expect(third - second).to.be.at.least(2_000);
  });

  it('are given up loudly after the last try, and the next one goes on', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({
      hopeless: {
        on: ['job.*'],
        tries: 2,
        async run(ctx, event, signal) {
          if (event.name === 'job.sent') throw new TypeError('the words of somebody');
          await tell(ctx, event, signal);
        },
      },
    }));
    const { ctx, told } = itIs;
    const lines: Record<string, unknown>[] = [];
    ctx.log = createLog('info', { write: (line) => void lines.push(JSON.parse(line)) });
    await itIs.happens(await itIs.job(), 'sent', 'finished');
    await itIs.work();
    await waitUntil(() => told.length === 1);
    expect(names(told)).to.deep.equal(['job.finished']);
    const [kept] = await ctx.db('event_deliveries');
    expect(kept).to.include({ name: 'job.sent', tries: 2, fault: 'TypeError' });
    expect(kept.given_up_at).to.be.instanceOf(Date);
    expect(lines.find(({ event }) => event === 'event.given_up')).to.include({
      ...{ level: 50, subscriber: 'test.hopeless', name: 'job.sent', tries: 2 },
    });
    expect(JSON.stringify(lines)).not.to.contain('somebody');
    const [metric] = events.metrics ?? [];
    expect(await metric?.collect(ctx)).to.deep.include({
      labels: { subscriber: 'test.hopeless', state: 'given_up' },
      value: 1,
    });
  });

  it('that a subscriber asks for later come then, and that is no failed try', async () => {
    const asked: number[] = [];
    await using itIs = await aSubscribed(({ tell }) => ({
      patient: {
        on: ['job.*'],
        tries: 1,
        async run(ctx, event, signal) {
          if (asked.push(Date.now()) === 1) throw Later.in(700);
          await tell(ctx, event, signal);
        },
      },
    }));
    await itIs.work();
    await itIs.happens(await itIs.job(), 'sent');
    await waitUntil(() => itIs.told.length === 1);
    expect((asked[1] as number) - (asked[0] as number)).to.be.at.least(700);
  });

  it('whose run was lost get another, and who has been gone for a day is owed nothing', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({ all: { on: ['job.*'], run: tell } }));
    const { ctx, told } = itIs;
    await ctx.db('event_subscribers').insert({ name: 'gone.all', events: ['job.*'] });
    await itIs.happens(await itIs.job(), 'sent');
    expect(await owed(ctx)).to.equal(2);
    // As after a restored backup, which has no queue.
    await ctx.db('graphile_worker._private_jobs').delete();
    await ctx.db('event_subscribers').update({ seen_at: new Date(Date.now() - 25 * 3600_000) });
    await resume(itIs);
    expect(await ctx.db('event_subscribers').pluck('name')).to.deep.equal(['test.all']);
    expect(await ctx.db('event_deliveries').pluck('subscriber')).to.deep.equal(['test.all']);
    await itIs.work();
    await waitUntil(() => told.length === 1);
  });

  async function resume({ ctx }: Subscribed): Promise<void> {
    await events.chores?.['resume']?.run(ctx, {}, new AbortController().signal, '0');
  }

  it('of a kind that nobody emits end the start', () => {
    const wrong = { all: { on: ['job.Sent' as const], run: async () => {} } };
    const module = { name: 'test', events: wrong, personalData: { nothing: 'A test.' } };
    expect(() => listSubscribers([module])).to.throw(
      'Expected events like job.finished in test.all, found job.Sent',
    );
  });

  it('keep their order when transactions of one job commit in another than they began', async () => {
    await using itIs = await aSubscribed(({ tell }) => ({ all: { on: ['job.*'], run: tell } }));
    const { ctx, told } = itIs;
    await itIs.work();
    const job = await itIs.job();
    const early = await ctx.db.transaction();
    await early.raw('select 1');
    await happen(ctx, job, 'sent');
    await early('jobs').where({ id: job }).forUpdate().first('id');
    await insertEvent(early, job, 'finished');
    const late = happen(ctx, job, 'edited');
    await waitUntil(() => told.length === 1);
    await early.commit();
    await late;
    await waitUntil(() => told.length === 3);
    expect(names(told)).to.deep.equal(['job.sent', 'job.finished', 'job.edited']);
  });
});
