// Runs the steps, chores and ticks of all modules in worker pools, and ends them cleanly.
import { parseCronItems, type TaskList } from 'graphile-worker';
import type { Config } from './base/config.ts';
import type { Context, Manifest } from './context/context.ts';
import { readModuleSettings } from './context/create-context.ts';
import type { RunControl } from './jobs/run/job-run.ts';
import { runStep } from './jobs/run/run.ts';
import { findRunning, STEP_NAMES, type StepName } from './jobs/states.ts';
import { listChores, listSteps } from './modules.ts';
import { startBeats } from './queue/beats.ts';
import { declareDead } from './queue/heartbeat.ts';
import { POOL_NAMES, type PoolName } from './queue/pool-names.ts';
import { startWorkerPool, type WorkerPool } from './queue/worker-pool.ts';
import { startTicks } from './ticks.ts';

export interface Worker {
  /** Lets running steps reach their next checkpoint, then ends; at most 25 s. */
  stop(): Promise<void>;
}

/** `is_alone`: no other process can be using the database, so locks found now are a dead one's. */
export async function startWorker(
  ctx: Context,
  modules: Manifest[],
  isAlone: boolean,
): Promise<Worker> {
  const steps = listSteps(modules);
  const missing = STEP_NAMES.filter((name) => !steps.has(name));
  if (missing.length > 0) throw new Error(`Expected a module for each step, missing: ${missing}`);
  if (isAlone) await declareDead(ctx, 0);
  const stopping = new AbortController();
  const beats = startBeats(ctx);
  const open = (name: PoolName) =>
    startWorkerPool(ctx, beats, {
      name,
      concurrency: chooseConcurrency(ctx.config, name),
      tasks: (aborted) => createTasks(ctx, modules, name, { stopping: stopping.signal, aborted }),
      cron: name === 'chores' ? listCronItems(modules) : [],
    });
  const pools: WorkerPool[] = await Promise.all(POOL_NAMES.map(open));
  const ticks = startTicks(ctx, modules);
  return {
    async stop() {
      stopping.abort();
      await ticks.stop();
      await Promise.all(pools.map((pool) => pool.stop()));
      await beats.stop();
    },
  };
}

function chooseConcurrency(config: Config, name: PoolName): number {
  return name === 'conversions' ? config.TRANSCODE_CONCURRENCY : config.WORKER_CONCURRENCY;
}

/** The record of functions for graphile-worker. Only a name leaves a failing run, never its message. */
function createTasks(
  ctx: Context,
  modules: Manifest[],
  pool: PoolName,
  signals: Omit<RunControl, 'isLastAttempt'>,
): TaskList {
  const tasks: TaskList = {};
  for (const [name, { value: step, module }] of listSteps(modules)) {
    if (findRunning(name)?.pool !== pool) continue;
    tasks[name] = async (payload, { job: queueRun }) => {
      const isLastAttempt = queueRun.attempts >= queueRun.max_attempts;
      const { job_id } = payload as { job_id: string };
      const settings = readModuleSettings(ctx.config, module);
      const named = { name: name as StepName, step, settings };
      await withoutWords(() => runStep(ctx, named, job_id, { ...signals, isLastAttempt }));
    };
  }
  if (pool === 'chores') {
    for (const [name, { value: chore }] of listChores(modules)) {
      const stop = AbortSignal.any([signals.stopping, signals.aborted]);
      tasks[name] = async (payload, { job: { id } }) => {
        await withoutWords(
          () => chore.run(ctx, payload, stop, String(id)),
          (error) => ctx.log.error({ event: 'chore.fault', chore: name, err: error }),
        );
      };
    }
  }
  return tasks;
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

function listCronItems(modules: Manifest[]) {
  const items = [...listChores(modules)].flatMap(([name, { value: chore }]) =>
    chore.cron ? [{ task: name, match: chore.cron, options: { backfillPeriod: 0 } }] : [],
  );
  return parseCronItems(items);
}
