// One pool of graphile-worker, under one id: what it runs, when it looked for work, and how it ends.
import { EventEmitter } from 'node:events';
import {
  type ParsedCronItem,
  type Runner,
  run,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker';
import type pg from 'pg';
import type { BoundedClient } from '../base/bounded-client.ts';
import { openPool } from '../base/database.ts';
import { quietWorkerLogger } from '../base/log.ts';
import { SECOND_MS, waitAtMost } from '../base/time.ts';
import type { Timing } from '../base/timing.ts';
import type { PoolName } from './pool-names.ts';
import { createWatch, type Watch, watchEvents } from './pool-watch.ts';
import type { QueueContext } from './queue.ts';
import type { StillRunning } from './repair.ts';
import type { Slots } from './slots.ts';

/** A run that is being taken may be seen by SQL a moment before its pool knows of it. */
const UNSEEN_MS = 5 * SECOND_MS;

export interface PoolOptions {
  name: PoolName;
  concurrency: number;
  /** `aborted`: everything must stop now, because the time is over or the pool was declared dead. */
  tasks(aborted: AbortSignal): TaskList;
  cron: ParsedCronItem[];
}

export class Pool {
  readonly id: string;
  readonly #watch: Watch;
  readonly #runner: Runner;
  readonly #client: pg.Pool;
  readonly #aborted: AbortController;
  readonly #timing: Timing;
  /** Settles when it takes no more runs, although it may have some that go on. */
  readonly broken: Promise<void>;
  /** Settles when its last run has ended and its connections are closed. */
  readonly ended: Promise<void>;
  isEnded = false;

  constructor(of: {
    id: string;
    watch: Watch;
    runner: Runner;
    client: pg.Pool;
    aborted: AbortController;
    timing: Timing;
    broken: Promise<void>;
  }) {
    this.id = of.id;
    this.#watch = of.watch;
    this.#runner = of.runner;
    this.#client = of.client;
    this.#aborted = of.aborted;
    this.#timing = of.timing;
    this.broken = of.broken;
    this.ended = of.runner.promise
      .catch(() => {})
      .then(() => this.#close())
      .then(() => {
        this.isEnded = true;
      });
  }

  countRunning(): number {
    return this.#watch.running.size;
  }

  countLookedMs(): number {
    return performance.now() - this.#watch.lookedAt;
  }

  listStillRunning(): StillRunning {
    const { running, asking } = this.#watch;
    const waits = [...asking.values()].map((since) => performance.now() - since + UNSEEN_MS);
    return { runIds: [...running], askingMs: Math.max(0, ...waits) };
  }

  /** Takes no more runs. Those that it has go on. */
  leave(): void {
    this.#watch.isLeaving = true;
    this.#runner.stop().catch(() => {});
    // A look for work on a dead connection would keep its slot until its time limit.
    for (const client of this.#watch.clients) client.endIfSilent(this.#timing.stuckMs / 2);
  }

  abort(reason: Error): void {
    this.#aborted.abort(reason);
  }

  /** Takes no more runs; what still runs after our patience is aborted. */
  async stop(): Promise<void> {
    this.leave();
    const { stopPatienceMs, closeMs } = this.#timing;
    const impatience = setTimeout(() => this.abort(new Error('Stopping')), stopPatienceMs);
    await waitAtMost(stopPatienceMs + closeMs, this.ended, undefined);
    clearTimeout(impatience);
    if (!this.isEnded) await this.#close();
  }

  async #close(): Promise<void> {
    // The second of two ends is refused.
    const closed = this.#client.end().catch(() => {});
    // A listening client on a dead line would be waited for without end.
    await waitAtMost(this.#timing.closeMs, closed, undefined);
  }
}

/** Needs no database: the pool connects by itself, again and again. */
export async function openWorkerPool(
  queue: QueueContext,
  of: PoolOptions,
  slots: Slots,
): Promise<Pool> {
  const { timing } = queue;
  const client = openPool(queue.connection, { limitMs: timing.queryMs });
  const aborted = new AbortController();
  const events = new EventEmitter() as WorkerEvents;
  const watch = createWatch();
  client.on('connect', (each) => watch.clients.add(each as unknown as BoundedClient));
  client.on('remove', (each) => watch.clients.delete(each as unknown as BoundedClient));
  const broken = watchEvents(events, watch, slots);
  const created = new Promise<string>((resolve) => {
    events.once('pool:create', ({ workerPool }) => resolve(workerPool.id));
  });
  const runner = await run({
    pgPool: client,
    concurrency: of.concurrency,
    pollInterval: timing.queuePollMs,
    noHandleSignals: true,
    events,
    logger: quietWorkerLogger,
    taskList: of.tasks(aborted.signal),
    parsedCronItems: of.cron,
    // Called before each look for work, which may have to wait for a run of a replaced pool.
    forbiddenFlags: () => slots.take(watch),
    // Without batches graphile-worker awaits the end of a run nowhere, and a lost connection there
    // would be an unhandled rejection, the end of this process.
    preset: {
      worker: { gracefulShutdownAbortTimeout: 0, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
    },
  });
  return new Pool({ id: await created, watch, runner, client, aborted, timing, broken });
}
