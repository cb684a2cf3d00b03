// What an error of a step means: lost, stopping, final, to be tried again, or given up.
import { Problem } from '../../base/errors.ts';
import { backOff } from '../../base/time.ts';
import type { Timing } from '../../base/timing.ts';
import type { Context } from '../../context/context.ts';
import { DeclaredDead } from '../../queue/heartbeat.ts';
import { Later } from '../../queue/later.ts';
import { TikTokError } from '../../tiktok/errors.ts';
import type { JobError } from '../job.ts';
import { STATES, type WorkingState } from '../states.ts';
import { LostJob, leaveFence } from './fence.ts';
import { type JobRun, Stopping } from './job-run.ts';

/** Nine minutes of doubling, then one fault each five minutes: a day. */
const GIVE_UP_FAULTS = 290;

/** Ends the run as the error asks. Throws what the queue is to try again, and LostJob. */
export async function endFaulty(ctx: Context, run: JobRun, error: unknown): Promise<void> {
  run.throwIfLost();
  const { job, control } = run;
  if (error instanceof LostJob) throw error;
  // A run that returned would be deleted by its id, although another worker may hold it by now.
  if (control.aborted.reason instanceof DeclaredDead) {
    // Its end is no death. The database may not answer, and that must hold up nothing.
    leaveFence(ctx.db, job).catch(() => {});
    throw error;
  }
  if (error instanceof Problem && error.code === 'creator_disconnected') {
    return run.awaitPermission(Later.in(ctx.timing.askAgainMs, 'waiting', toDetails(error)));
  }
  if (error instanceof Problem && isOurs(error)) {
    return run.postpone(
      Later.in(ctx.timing.storageRetryMs, 'waiting', toDetails(error)),
      job.faults,
    );
  }
  if (error instanceof Problem) return run.fail(toJobError(error));
  if (error instanceof Stopping || control.aborted.aborted) {
    return run.postpone(Later.in(0), job.faults);
  }
  const { step, attempts, givesUpWith } = STATES[job.state as WorkingState];
  ctx.log.warn({ event: 'step.fault', step, job_id: job.id, err: error });
  if (attempts !== null && !control.isLastAttempt) {
    await leaveFence(ctx.db, job);
    throw error;
  }
  const isTikToks = error instanceof TikTokError;
  const givenUp = GIVEN_UP[givesUpWith === 'unavailable' && !isTikToks ? 'ours' : givesUpWith];
  if (attempts !== null || job.faults >= GIVE_UP_FAULTS) return run.fail(givenUp);
  const waitMs = chooseWait(ctx.timing, job.faults);
  if (!STATES[job.state as WorkingState].isCancellable) {
    return run.postpone(Later.in(waitMs), job.faults + 1);
  }
  // What keeps it from being sent is told, and its clock is that of every other wait.
  const details = { waiting: isTikToks ? 'tiktok_unavailable' : 'unavailable', ...givenUp };
  return run.postpone(Later.in(waitMs, 'waiting', details), job.faults + 1);
}

/** A full disk, or something that does not answer: no fault of the post, and it may pass. */
function isOurs({ code }: Problem): boolean {
  return code === 'storage_full' || code === 'unavailable';
}

function toDetails(problem: Problem): Record<string, unknown> {
  return { ...toJobError(problem) };
}

const GIVEN_UP: Record<'internal_error' | 'unavailable' | 'ours', JobError> = {
  internal_error: {
    code: 'internal_error',
    message: 'We could not process this file, and it is our fault. Try again, or ask the operator.',
    tiktok: null,
  },
  unavailable: {
    code: 'unavailable',
    message: 'TikTok could not be reached for 24 hours.',
    tiktok: null,
  },
  ours: {
    code: 'unavailable',
    message: 'We could not send this post for 24 hours, and it is our fault.',
    tiktok: null,
  },
};

/** 1 s, doubling up to five minutes, with up to a fifth of jitter. */
function chooseWait({ firstFaultMs, longestFaultMs }: Timing, faults: number): number {
  return backOff(firstFaultMs, longestFaultMs, faults) * (1 + Math.random() / 5);
}

function toJobError(problem: Problem): JobError {
  const { tiktok, job_id, rule } = problem.extras;
  return {
    code: problem.code,
    message: problem.message,
    tiktok: tiktok ? { code: tiktok.code, log_id: tiktok.log_id } : null,
    ...(job_id ? { job_id } : {}),
    ...(rule ? { rule } : {}),
  };
}
