// What one pool of graphile-worker is doing, by its events, and the slots that this takes.
import type { WorkerEvents } from 'graphile-worker';
import type { BoundedClient } from '../base/bounded-client.ts';
import type { Slots } from './slots.ts';

/** What a pool is doing, read from the events of graphile-worker. */
export interface Watch {
  running: Set<string>;
  /** Its workers that are asking for work, and since when. */
  asking: Map<object, number>;
  lookedAt: number;
  clients: Set<BoundedClient>;
  /** It was asked to take no more runs. */
  isLeaving: boolean;
  /** It takes no more runs, whoever wanted it. */
  hasLeft: boolean;
}

export function createWatch(): Watch {
  return {
    ...{ running: new Set(), asking: new Map(), isLeaving: false, hasLeft: false },
    ...{ lookedAt: performance.now(), clients: new Set() },
  };
}

/**
 * Keeps the watch, and the slots: each look for work takes one, and gives it back when it found
 * nothing or when the run has ended. Resolves when the pool broke: graphile-worker does not write
 * the end of a run a second time, but shuts the pool down once its longest run has ended.
 */
export function watchEvents(events: WorkerEvents, watch: Watch, slots: Slots): Promise<void> {
  const { running, asking } = watch;
  events.on('worker:getJob:start', ({ worker }) => {
    asking.set(worker, performance.now());
    if (watch.hasLeft) slots.give();
  });
  const stopAsking = (worker: object) => {
    if (asking.delete(worker) && !watch.hasLeft) slots.give();
  };
  events.on('worker:getJob:error', ({ worker }) => stopAsking(worker));
  events.on('worker:getJob:empty', ({ worker }) => {
    stopAsking(worker);
    watch.lookedAt = performance.now();
  });
  events.on('job:start', ({ worker, job }) => {
    asking.delete(worker);
    running.add(job.id);
    if (watch.hasLeft) slots.force();
    watch.lookedAt = performance.now();
  });
  const end = (runId: string | undefined) => {
    if (runId && running.delete(runId)) slots.give();
    watch.lookedAt = performance.now();
  };
  events.on('job:complete', ({ job }) => end(job.id));
  events.on('worker:fatalError', ({ worker }) => end(worker.getActiveJob()?.id));
  return new Promise((resolve) => {
    const leave = () => {
      freeSlots(watch, slots);
      if (!watch.isLeaving) resolve();
    };
    events.on('pool:gracefulShutdown', leave);
    events.on('pool:fatalError', leave);
  });
}

/** A pool that takes no more runs keeps slots for those that it has, not for its looks for work. */
function freeSlots(watch: Watch, slots: Slots): void {
  if (watch.hasLeft) return;
  watch.hasLeft = true;
  for (const _ of watch.asking.keys()) slots.give();
  // Not before it has stopped looking for work: a worker that need not wait would look again.
  setImmediate(() => slots.release(watch));
}
