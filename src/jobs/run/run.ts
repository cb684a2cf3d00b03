// Runs one step of one job: takes the fence, runs the step, and commits what came of it.
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context/context.ts';
import { Later } from '../../queue/later.ts';
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
  const taken = await takeFence(ctx.db, jobId, name, runToken);
  // Its job moved on or ended meanwhile: this run is left over, and may be deleted.
  if (!taken) return;
  const { job, isEarly } = taken;
  if (isEarly && STATES[job.state as WorkingState].waitsForTime) return queueNext(ctx.db, job);
  const scratch = join(ctx.scratch, runToken);
  await mkdir(scratch, { recursive: true });
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
