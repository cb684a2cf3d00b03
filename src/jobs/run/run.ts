// Runs one step of one job: takes the fence, runs the step, and commits what came of it.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { makeWorkFolder } from '../../base/scratch.ts';
import type { Context } from '../../context/context.ts';
import { Later } from '../../queue/later.ts';
import { fullDisk } from '../../storage/fs.ts';
import type { Job, JobError } from '../job.ts';
import { STATES, type StepName, type WorkingState } from '../states.ts';
import { findStart, queueJob } from '../store.ts';
import { endFaulty } from './faults.ts';
import { leaveFence, takeFence } from './fence.ts';
import { JobRun, type RunControl } from './job-run.ts';
import type { Step } from './step.ts';
import { createStepContext } from './step-context.ts';

/** A module's step, and the settings of that module. */
export interface NamedStep {
  name: StepName;
  step: Step;
  settings: Record<string, unknown>;
}

/**
 * Kills and restarts of our own cost a job nothing. So many in a row beside one file are no chance.
 */
export const MOST_DEATHS = 10;

const DEADLY: JobError = {
  code: 'internal_error',
  message: 'We could not process this file: the process ended each time it was tried.',
  tiktok: null,
};

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
  if (isEarly && STATES[job.state as WorkingState].waitsForTime) return queueAtItsTime(ctx, job);
  using run = new JobRun(ctx, job, control);
  try {
    if (isHeld(job)) return await run.cancelHeld();
    if (isDeadly(job)) return await run.fail(DEADLY);
    const result = await runInFolder(ctx, run, { name, step, settings }).catch((error) => {
      if (error instanceof Later) return error;
      throw error;
    });
    run.throwIfLost();
    await (result instanceof Later ? run.postpone(result, 0) : run.move(result));
  } catch (error) {
    await endFaulty(ctx, run, error);
  }
}

/** That there is no folder is a fault of the run, like others; a full disk may pass. */
async function runInFolder(ctx: Context, run: JobRun, { step, settings }: NamedStep) {
  const { job } = run;
  const scratch = await makeWorkFolder(ctx.scratch, job.creator_id).catch((error) => {
    throw fullDisk(error);
  });
  try {
    return await step.run(job, createStepContext(ctx, run, { scratch, settings }));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Without its permission a job is begun only when its patience is over. */
function isHeld(job: Job): boolean {
  return job.permission_lost_at !== null && STATES[job.state as WorkingState].waitsForTime;
}

/** Whether so many processes ended while they worked on its file that the file must be the reason. */
function isDeadly({ state, deaths }: Job): boolean {
  return STATES[state as WorkingState].attempts !== null && deaths >= MOST_DEATHS;
}

/** The run ends here by itself, so its token must not be counted as a death. */
async function queueAtItsTime(ctx: Context, job: Job): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    await leaveFence(trx, job);
    await queueJob(trx, job, findStart(job));
  });
}
