// The reaper: again and again, in one process at a time, sees that no job is left without a run.
import type { Context } from '../../context/context.ts';
import { reapDeadPools } from '../../queue/heartbeat.ts';
import {
  boundWaits,
  isAlone,
  REPAIR_LOCK,
  removeIdleQueues,
  repairQueues,
} from '../../queue/repair.ts';
import { STATES, STEP_NAMES, WORKING_STATES, type WorkingState } from '../states.ts';
import { insertEvent, queueNext, updateLockedJob } from '../store.ts';
import { endJob } from '../transitions.ts';
import { findOrphanedJobs } from './runs.ts';

/** Frees what dead pools held. */
export async function reap(ctx: Context): Promise<void> {
  const dead = await reapDeadPools(ctx);
  if (dead.length > 0) ctx.log.warn({ event: 'pools.declared_dead', count: dead.length });
}

/** Gives orphaned jobs a run, fails those that used up their attempts, and bounds all waits. */
export async function repair(ctx: Context): Promise<void> {
  const { timing } = ctx;
  await ctx.db.transaction(async (trx) => {
    if (!(await isAlone(trx, REPAIR_LOCK))) return;
    await repairQueues(trx, timing.idleQueueMs);
    await boundWaits(trx, {
      ...{ tasks: STEP_NAMES, tasksMs: timing.longestFaultMs },
      othersMs: timing.longestChoreFaultMs,
    });
    for (const job of await findOrphanedJobs(trx, WORKING_STATES, ctx.timing.orphanedMs)) {
      ctx.log.warn({ event: 'job.orphaned', job_id: job.id, state: job.state });
      const { attempts } = STATES[job.state as WorkingState];
      if (job.is_exhausted && attempts !== null) {
        const error = {
          code: 'internal_error' as const,
          message: 'We could not process this file: the process ended each time it was tried.',
          tiktok: null,
        };
        await endJob(trx, job, {
          state: 'failed',
          outcome: error.code,
          event: { name: 'failed', details: error },
          error,
        });
      } else {
        await insertEvent(trx, job.id, 'resumed');
        await queueNext(trx, job);
        await updateLockedJob(trx, job.id, {});
      }
    }
  });
}

/** Hourly: queue names of creators that have nothing to send. */
export async function tidyQueues(ctx: Context): Promise<void> {
  await ctx.db.transaction((trx) => removeIdleQueues(trx));
}
