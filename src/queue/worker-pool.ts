// One worker pool: it is replaced under a new id whenever it was declared dead or broke.
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ParsedCronItem,
  type Runner,
  run,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker';
import { openPool } from '../base/database.ts';
import { quietWorkerLogger } from '../base/log.ts';
import type { Timing } from '../base/timing.ts';
import { beat, DeclaredDead, registerPool, unregisterPool } from './heartbeat.ts';
import type { QueueContext } from './queue.ts';

export type PoolName = 'media' | 'fetch' | 'main';

export interface WorkerPoolOptions {
  name: PoolName;
  concurrency: number;
  /** `aborted`: everything must stop now, because the time is over or the pool was declared dead. */
  tasks(aborted: AbortSignal): TaskList;
  cron: ParsedCronItem[];
  stopping: AbortSignal;
}

export interface WorkerPool {
  /** Lets running steps reach their next checkpoint, then ends; at most 25 s. */
  stop(): Promise<void>;
}

export async function startWorkerPool(
  queue: QueueContext,
  of: WorkerPoolOptions,
): Promise<WorkerPool> {
  let pool = await startPool(queue, of);
  let isBusy = false;
  const timer = setInterval(async () => {
    // One beat at a time: with a line that swallows everything each would take a connection more.
    if (isBusy || of.stopping.aborted) return;
    isBusy = true;
    try {
      const isAlive = await beat(queue, pool.id);
      queue.databaseContact.recordAnswer();
      if (isAlive && !pool.isBroken()) return;
      queue.log.warn({ event: isAlive ? 'pool.broken' : 'pool.declared_dead', lane: of.name });
      await pool.abandon();
      if (!of.stopping.aborted) pool = await startPool(queue, of);
    } catch {
      // The database does not answer; the next beat tries again.
    } finally {
      isBusy = false;
    }
  }, queue.timing.beatMs);
  return {
    async stop() {
      clearInterval(timer);
      await pool.stop();
    },
  };
}

interface Pool {
  id: string;
  /** It ended without having been asked to, e.g. in an outage of the database. */
  isBroken(): boolean;
  stop(): Promise<void>;
  /** Aborts all its steps and lets them throw. */
  abandon(): Promise<void>;
}

async function startPool(queue: QueueContext, of: WorkerPoolOptions): Promise<Pool> {
  const pgPool = openPool(queue.connection);
  const aborted = new AbortController();
  const { runner, id } = await startRunner(queue, of, pgPool, aborted.signal);
  let isBroken = false;
  const broke = () => {
    isBroken = true;
  };
  runner.promise.then(broke, broke);
  const end = async () => {
    isBroken = true;
    await stopRunner(runner, aborted, queue.timing);
    // A listening client on a dead line would be waited for without end.
    const limit = sleep(queue.timing.closeMs, undefined, { ref: false });
    await Promise.race([pgPool.end().catch(() => {}), limit]);
  };
  await registerPool(queue, id, of.name).catch(async (error) => {
    await end();
    throw error;
  });
  return {
    id,
    isBroken: () => isBroken,
    async stop() {
      await end();
      await unregisterPool(queue, id).catch(() => {});
    },
    async abandon() {
      aborted.abort(new DeclaredDead());
      await end();
      await unregisterPool(queue, id);
    },
  };
}

async function startRunner(
  queue: QueueContext,
  of: WorkerPoolOptions,
  pgPool: ReturnType<typeof openPool>,
  aborted: AbortSignal,
): Promise<{ runner: Runner; id: string }> {
  const events = new EventEmitter() as WorkerEvents;
  const created = new Promise<string>((resolve) => {
    events.once('pool:create', ({ workerPool }) => resolve(workerPool.id));
  });
  const runner = await run({
    pgPool,
    concurrency: of.concurrency,
    pollInterval: queue.timing.queuePollMs,
    noHandleSignals: true,
    events,
    logger: quietWorkerLogger,
    taskList: of.tasks(aborted),
    parsedCronItems: of.cron,
    // Without batches graphile-worker awaits the end of a run nowhere, and a lost connection there
    // would be an unhandled rejection, the end of this process.
    preset: {
      worker: { gracefulShutdownAbortTimeout: 0, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
    },
  });
  return { runner, id: await created };
}

/** Stops taking runs at once; after our patience what still runs is aborted. */
async function stopRunner(
  runner: Runner,
  aborted: AbortController,
  { stopPatienceMs, closeMs }: Timing,
): Promise<void> {
  const impatience = setTimeout(() => aborted.abort(new Error('Stopping')), stopPatienceMs);
  const limit = sleep(stopPatienceMs + closeMs, undefined, { ref: false });
  await Promise.race([runner.stop().catch(() => {}), limit]);
  clearTimeout(impatience);
}
