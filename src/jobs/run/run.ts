// Runs one step of one job: takes the fence, gives the step its hands, and commits what came of it.

import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../base/errors.ts';
import { DAY_MS } from '../../base/time.ts';
import type { Context } from '../../context/context.ts';
import { DeclaredDead } from '../../queue/heartbeat.ts';
import { Later } from '../../queue/later.ts';
import { assertNoDuplicate } from '../accept/limits.ts';
import type { Job, JobError, Patch } from '../job.ts';
import { STATES, type StepName, type WorkingState } from '../states.ts';
import { insertEvent, queueJob, queueNext } from '../store.ts';
import {
  beginRun,
  fencedUpdate,
  isCommitted,
  LostJob,
  moveJob,
  withFence,
} from '../transitions.ts';
import type { Step } from './step.ts';
import {
  createStepContext,
  type Fence,
  type RunControl,
  Stopping,
  watchFence,
} from './step-context.ts';

/** Nine minutes of doubling, then one fault each five minutes: a day. */
const GIVE_UP_FAULTS = 290;
const STORAGE_RETRY_MS = 60_000;

export async function runStep(
  ctx: Context,
  stepName: StepName,
  step: Step,
  settings: Record<string, unknown>,
  jobId: string,
  control: RunControl,
): Promise<void> {
  const runToken = randomUUID();
  const job = await beginRun(ctx.db, jobId, stepName, runToken);
  // Its job moved on or ended meanwhile: this run is left over, and may be deleted.
  if (!job) return;
  if (STATES[job.state as WorkingState].waitsForTime && job.send_at > new Date()) {
    // Later than now in any case: another machine's clock may be ahead, and this would spin.
    const soonest = new Date(Date.now() + 500);
    const sendAt = job.send_at > soonest ? job.send_at : soonest;
    await ctx.db.transaction((trx) => queueNext(trx, { ...job, send_at: sendAt }));
    return;
  }
  const holder = { job };
  const scratch = join(ctx.scratch, runToken);
  await mkdir(scratch, { recursive: true });
  const fence = watchFence(ctx, holder, control.aborted);
  try {
    const context = createStepContext(ctx, holder, scratch, fence, control, settings);
    const result = await step.run(job, context).catch((error) => {
      if (error instanceof Later) return error;
      throw error;
    });
    fence.throwIfLost();
    await commitResult(ctx, holder.job, result);
  } catch (error) {
    await commitFault(ctx, holder.job, stepName, error, fence, control);
  } finally {
    fence.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Commits a patch as one move, or a Later as the same step queued again. */
async function commitResult(ctx: Context, job: Job, result: Patch | Later): Promise<void> {
  if (result instanceof Later) return postpone(ctx, job, result, 0);
  const next = result.state ?? STATES[job.state as WorkingState].next;
  const startedAt = Date.now();
  await withFence(ctx.db, job, async (trx, current) => {
    // What a URL holds is known only now; an upload was judged when the post was accepted.
    if (result.source_sha256) await assertNoDuplicate(trx, { ...current, ...result });
    await moveJob(trx, job, { ...result, state: next }, toEvent(next, result));
  });
  ctx.log.info({
    event: 'job.moved',
    job_id: job.id,
    from: job.state,
    to: next,
    ms: Date.now() - startedAt,
  });
}

function toEvent(state: string, patch: Patch): { name: string; details?: Record<string, unknown> } {
  if (state === 'ready')
    return { name: 'prepared', details: { changes: patch.media?.changes ?? [] } };
  if (state === 'finished')
    return { name: 'finished', details: { post_ids: patch.post_ids ?? [] } };
  if (state === 'failed') return { name: 'failed', details: { ...patch.error } };
  return { name: state };
}

async function postpone(ctx: Context, job: Job, later: Later, faults: number): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    // Told to wait before anything was opened: that is the post's new time, for everybody to see.
    const moved = later.reason && job.state === 'ready' ? { send_at: later.at } : {};
    const since = later.reason === 'waiting' ? (job.waiting_since ?? new Date()) : null;
    const waiting = later.reason ? { waiting_since: since } : {};
    const kept = await fencedUpdate(trx, job, { faults, run_token: null, ...moved, ...waiting });
    if (later.reason) {
      await insertEvent(trx, job.id, later.reason, { until: later.at, ...later.details });
    }
    await queueJob(trx, kept, later.at, 'preserve_run_at');
  });
}

/** Decides what an error means: lost, stopping, final (Problem), to be retried, or given up. */
async function commitFault(
  ctx: Context,
  job: Job,
  stepName: StepName,
  error: unknown,
  fence: Fence,
  control: RunControl,
): Promise<void> {
  fence.throwIfLost();
  if (error instanceof LostJob) throw error;
  // A run that returned would be deleted by its id, although another worker may hold it by now.
  if (control.aborted.reason instanceof DeclaredDead) throw error;
  if (error instanceof Problem && isOurs(error) && hasPatience(job)) {
    return postpone(
      ctx,
      job,
      Later.in(STORAGE_RETRY_MS, 'waiting', { ...toJobError(error) }),
      job.faults,
    );
  }
  if (error instanceof Problem) return failJob(ctx, job, toJobError(error));
  if (error instanceof Stopping || control.aborted.aborted) {
    return postpone(ctx, job, Later.in(0), job.faults);
  }
  ctx.log.warn({ event: 'step.fault', step: stepName, job_id: job.id, err: error });
  const { attempts, givesUpWith } = STATES[job.state as WorkingState];
  if (attempts !== null && !control.isLastAttempt) throw error;
  if (attempts !== null || job.faults >= GIVE_UP_FAULTS) {
    return failJob(ctx, job, GIVEN_UP[givesUpWith]);
  }
  return postpone(ctx, job, Later.in(backOff(job.faults)), job.faults + 1);
}

/** A full disk, or something that does not answer: no fault of the post, and it may pass. */
function isOurs({ code }: Problem): boolean {
  return code === 'storage_full' || code === 'unavailable';
}

function hasPatience({ waiting_since }: Job): boolean {
  return !waiting_since || Date.now() - waiting_since.getTime() < DAY_MS;
}

const GIVEN_UP: Record<'internal_error' | 'unavailable', JobError> = {
  internal_error: {
    code: 'internal_error',
    message: 'We could not process this file, and it is our fault. Try again, or ask the operator.',
    tiktok: null,
  },
  unavailable: {
    code: 'unavailable',
    message: 'TikTok could not be reached for 24 hours, so nothing was posted. Try again later.',
    tiktok: null,
  },
};

/** 1 s, doubling up to five minutes, with up to a fifth of jitter. */
function backOff(faults: number): number {
  return Math.min(300_000, 1_000 * 2 ** Math.min(faults, 20)) * (1 + Math.random() / 5);
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

/** A job whose mark is set may have been posted: it ends unconfirmed, and the creator tells. */
async function failJob(ctx: Context, job: Job, error: JobError): Promise<void> {
  const state = await ctx.db.transaction(async (trx) => {
    const mayBePosted = job.state === 'sent' || (await isCommitted(trx, job.id));
    const end = mayBePosted ? 'unconfirmed' : 'failed';
    const close = mayBePosted ? {} : { attempt_outcome: error.code };
    await moveJob(trx, job, { state: end, error, ...close }, { name: end, details: { ...error } });
    return end;
  });
  ctx.log.info({ event: `job.${state}`, job_id: job.id, from: job.state, code: error.code });
}
