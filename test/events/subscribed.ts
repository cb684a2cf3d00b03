// A context with a subscriber of the test's own, jobs to tell of, and a worker in this process that delivers.
import type { Context } from '../../src/context/context.ts';
import type { DomainEvent, Subscriber } from '../../src/events/event.ts';
import { subscribe } from '../../src/events/module.ts';
import { insertEvent } from '../../src/jobs/store.ts';
import { startWorker } from '../../src/worker.ts';
import { aKept } from '../retention/kept.ts';
import type { OwnContext } from '../support/context.ts';

export interface Subscribed extends OwnContext {
  creator_id: string;
  /** Every event that a subscriber made by `tell` got, in its order. */
  told: DomainEvent[];
  tell: Subscriber['run'];
  job(): Promise<string>;
  /** A line in the job's timeline, in a transaction of its own that holds the job. */
  happens(jobId: string, ...names: string[]): Promise<void>;
  /** Starts delivering; ends with the test. */
  work(): Promise<void>;
}

export async function aSubscribed(
  events: (itIs: Pick<Subscribed, 'tell'>) => Record<string, Subscriber>,
  tiktokUrl?: string,
): Promise<Subscribed> {
  const kept = await aKept({}, tiktokUrl);
  const { ctx } = kept;
  const told: DomainEvent[] = [];
  const tell: Subscriber['run'] = async (_ctx, event) => void told.push(event);
  const module = { name: 'test', events: events({ tell }), personalData: { nothing: 'A test.' } };
  // Alone: what the product itself subscribes to is another test's.
  ctx.modules = [...ctx.modules.map(({ events: _, ...rest }) => rest), module];
  await subscribe(ctx);
  const workers: { stop(): Promise<void> }[] = [];
  return {
    ...kept,
    told,
    tell,
    job: () => kept.job({ state: 'finished' }),
    async happens(jobId, ...names) {
      for (const name of names) await happen(ctx, jobId, name);
    },
    async work() {
      workers.push(await startWorker(ctx, ctx.modules, false));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await kept[Symbol.asyncDispose]();
    },
  };
}

export async function happen(ctx: Context, jobId: string, name: string): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    await trx('jobs').where({ id: jobId }).forUpdate().first('id');
    await insertEvent(trx, jobId, name, { is: name });
  });
}

/** Runs of the queue that deliver. */
export async function runs(ctx: Context): Promise<{ key: string | null; run_at: Date }[]> {
  const { rows } = await ctx.db.raw(
    `select jobs.key, jobs.run_at from graphile_worker._private_jobs jobs
       join graphile_worker._private_tasks tasks on tasks.id = jobs.task_id
      where tasks.identifier = 'events.deliver' order by jobs.id`,
  );
  return rows;
}

export async function owed(ctx: Context): Promise<number> {
  return (await ctx.db('event_deliveries')).length;
}
