// Runs one step of one job: takes the fence, runs the step, and commits what came of it.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { makeWorkFolder } from '../../base/scratch.ts';
import type { Context } from '../../context/context.ts';
import { Later } from '../../queue/later.ts';
import type { Job } from '../job.ts';
import { STATES, type StepName, type WorkingState } from '../states.ts';
import { queueNext } from '../store.ts';
import { endFaulty } from './faults.ts';
import { takeFence } from './fence.ts';
import { JobRun, type RunControl } from './job-run.ts';
import type { Step } from './step.ts';
import { createStepContext } from './step-context.ts';

/** A module's step, and the settings of that module. */
export interface NamedStep {
  name: StepName;
  step: Step;
  settings: Record<string, unknown>;
}

/** Throws what the queue is to try again. */
export async function runStep(
  ctx: Context,
  { name, step, settings }: NamedStep,
  jobId: string,
  control: RunControl,
): Promise<void> {
  const runToken = randomUUID();
  const job = await takeFence(ctx.db, jobId, name, runToken);
  // Its job moved on or ended meanwhile: this run is left over, and may be deleted.
  if (!job) return;
  if (isEarly(job)) return queueAtItsTime(ctx, job);
  const scratch = await makeWorkFolder(ctx.scratch, job.creator_id);
  using run = new JobRun(ctx, job, control);
  try {
    const context = createStepContext(ctx, run, { scratch, settings });
    const result = await step.run(job, context).catch((error) => {
      if (error instanceof Later) return error;
      throw error;
    });
    run.throwIfLost();
    await (result instanceof Later ? run.postpone(result, 0) : run.move(result));
  } catch (error) {
    await endFaulty(ctx, run, error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function isEarly(job: Job): boolean {
  return STATES[job.state as WorkingState].waitsForTime && job.send_at > new Date();
}

/** Later than now in any case: another machine's clock may be ahead, and this would spin. */
async function queueAtItsTime(ctx: Context, job: Job): Promise<void> {
  const soonest = new Date(Date.now() + 500);
  const sendAt = job.send_at > soonest ? job.send_at : soonest;
  await ctx.db.transaction((trx) => queueNext(trx, { ...job, send_at: sendAt }));
}
