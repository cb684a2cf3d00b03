// Runs the steps, chores and ticks of all modules: two pools, their heartbeat, and a clean end.
import { EventEmitter } from 'node:events';
import {
  parseCronItems,
  type Runner,
  run,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker';
import cron, { type ScheduledTask } from 'node-cron';
import { type Context, settingsOf } from './context.ts';
import { openPool } from './database.ts';
import { beat, declareDead, noteDatabase, registerPool, unregisterPool } from './heartbeat.ts';
import { runStep } from './jobs/run.ts';
import { STEP_NAMES, type StepName } from './jobs/states.ts';
import { quietWorkerLogger } from './log.ts';
import { choresOf, stepsOf } from './modules.ts';

const POLL_MS = 500;
const BEAT_MS = 5_000;
const PATIENCE_MS = 20_000;

type Lane = 'media' | 'main';

export interface Worker {
  /** Lets running steps reach their next checkpoint, then ends; at most 25 s. */
  stop(): Promise<void>;
  /** Rejects when a pool ended without having been asked to. */
  failed: Promise<never>;
}

/** `is_alone`: no other process can be using the database, so locks found now are a dead one's. */
export async function startWorker(ctx: Context, is_alone: boolean): Promise<Worker> {
  const steps = stepsOf(ctx.modules);
  const missing = STEP_NAMES.filter((name) => !steps.has(name));
  if (missing.length > 0) throw new Error(`Expected a module for each step, missing: ${missing}`);
  if (is_alone) await declareDead(ctx, 0);
  const stopping = new AbortController();
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const lanes = await Promise.all(
    (['media', 'main'] as const).map((lane) => startLane(ctx, lane, stopping.signal, fail)),
  );
  const ticks = startTicks(ctx);
  return {
    failed,
    async stop() {
      stopping.abort();
      for (const tick of ticks) await tick.stop();
      await Promise.all(lanes.map((lane) => lane.stop()));
    },
  };
}

/** One lane: a pool that is replaced by a new one, under a new id, whenever it was declared dead. */
async function startLane(
  ctx: Context,
  lane: Lane,
  stopping: AbortSignal,
  fail: (error: Error) => void,
): Promise<{ stop(): Promise<void> }> {
  let pool = await startPool(ctx, lane, stopping, fail);
  let is_replacing = false;
  const timer = setInterval(async () => {
    if (is_replacing || stopping.aborted) return;
    try {
      const is_alive = await beat(ctx, pool.id);
      noteDatabase(true);
      if (is_alive) return;
      is_replacing = true;
      ctx.log.warn({ event: 'pool.declared_dead', lane });
      await pool.abandon();
      pool = await startPool(ctx, lane, stopping, fail);
    } catch {
      noteDatabase(false);
    } finally {
      is_replacing = false;
    }
  }, BEAT_MS);
  return {
    async stop() {
      clearInterval(timer);
      await pool.stop();
    },
  };
}

interface Pool {
  id: string;
  stop(): Promise<void>;
  /** Aborts all its steps and lets them throw. */
  abandon(): Promise<void>;
}

async function startPool(
  ctx: Context,
  lane: Lane,
  stopping: AbortSignal,
  fail: (error: Error) => void,
): Promise<Pool> {
  const pg_pool = openPool(ctx.connection);
  const aborted = new AbortController();
  const events = new EventEmitter() as WorkerEvents;
  const created = new Promise<string>((resolve) => {
    events.once('pool:create', ({ workerPool }) => resolve(workerPool.id));
  });
  let is_ending = false;
  const concurrency =
    lane === 'media' ? ctx.config.TRANSCODE_CONCURRENCY : ctx.config.WORKER_CONCURRENCY;
  const runner = await run({
    pgPool: pg_pool,
    concurrency,
    pollInterval: POLL_MS,
    noHandleSignals: true,
    events,
    logger: quietWorkerLogger,
    taskList: tasksOf(ctx, lane, stopping, aborted.signal),
    parsedCronItems: lane === 'main' ? cronItemsOf(ctx) : [],
    preset: { worker: { gracefulShutdownAbortTimeout: 0 } },
  });
  const id = await created;
  await registerPool(ctx, id, lane);
  // The promise resolves, too, when a pool dies; whoever did not ask for the end treats it as a fault.
  runner.promise.then(
    () => is_ending || fail(new Error(`The ${lane} pool ended unasked`)),
    () => is_ending || fail(new Error(`The ${lane} pool broke`)),
  );
  const end = async () => {
    is_ending = true;
    await stopRunner(runner, aborted);
    await pg_pool.end().catch(() => {});
  };
  return {
    id,
    async stop() {
      await end();
      await unregisterPool(ctx, id).catch(() => {});
    },
    async abandon() {
      aborted.abort(new Error('This pool was declared dead'));
      await end();
    },
  };
}

/** Stops taking runs at once; after our patience what still runs is aborted. */
async function stopRunner(runner: Runner, aborted: AbortController): Promise<void> {
  const impatience = setTimeout(() => aborted.abort(new Error('Stopping')), PATIENCE_MS);
  const limit = new Promise<void>((resolve) => {
    setTimeout(resolve, PATIENCE_MS + 5_000).unref();
  });
  await Promise.race([runner.stop().catch(() => {}), limit]);
  clearTimeout(impatience);
}

/** The record of functions for graphile-worker. Only a name leaves a failing run, never its message. */
function tasksOf(ctx: Context, lane: Lane, stopping: AbortSignal, aborted: AbortSignal): TaskList {
  const tasks: TaskList = {};
  for (const [name, { step, module }] of stepsOf(ctx.modules)) {
    if (laneOf(name) !== lane) continue;
    tasks[name] = async (payload, { job: queue_run }) => {
      const is_last_attempt = queue_run.attempts >= queue_run.max_attempts;
      const { job_id } = payload as { job_id: string };
      await withoutWords(() =>
        runStep(ctx, name as StepName, step, settingsOf(ctx.config, module), job_id, {
          stopping,
          aborted,
          is_last_attempt,
        }),
      );
    };
  }
  if (lane === 'main') {
    for (const [name, chore] of choresOf(ctx.modules)) {
      const stop = AbortSignal.any([stopping, aborted]);
      tasks[name] = async (payload) => {
        await withoutWords(
          () => chore.run(ctx, payload, stop),
          (error) => ctx.log.error({ event: 'chore.fault', chore: name, err: error }),
        );
      };
    }
  }
  return tasks;
}

function laneOf(step: string): Lane {
  return step.startsWith('media.') ? 'media' : 'main';
}

async function withoutWords(
  work: () => Promise<void>,
  report: (error: unknown) => void = () => {},
): Promise<void> {
  try {
    await work();
  } catch (error) {
    report(error);
    // graphile-worker keeps the message in last_error, where nobody's data may be.
    throw new Error(error instanceof Error ? error.name : 'fault');
  }
}

function cronItemsOf(ctx: Context) {
  const items = [...choresOf(ctx.modules)].flatMap(([name, chore]) =>
    chore.cron ? [{ task: name, match: chore.cron, options: { backfillPeriod: 0 } }] : [],
  );
  return parseCronItems(items);
}

function startTicks(ctx: Context): ScheduledTask[] {
  return ctx.modules.flatMap((module) =>
    Object.entries(module.ticks ?? {}).map(([name, tick]) =>
      cron.schedule(
        tick.cron,
        () =>
          tick.run(ctx).catch((error) => {
            ctx.log.warn({ event: 'tick.fault', tick: `${module.name}.${name}`, err: error });
          }),
        { noOverlap: true },
      ),
    ),
  );
}
