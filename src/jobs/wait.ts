// Polls a job until it is far enough; polling works whichever process moves the job.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context/context.ts';
import type { Job } from './job.ts';
import { getJob } from './store.ts';

const POLL_MS = 300;

/**
 * Returns the job once `isReached` is true for it, or as it is after `ms`.
 * @throws Problem `not_found`, and the signal's reason when `signal` aborts.
 */
export async function waitForJob(
  ctx: Context,
  { creator_id, id }: { creator_id: string; id: string },
  { isReached, ms, signal }: { isReached(job: Job): boolean; ms: number; signal: AbortSignal },
): Promise<Job> {
  const deadline = performance.now() + ms;
  for (;;) {
    const job = await getJob(ctx.db, creator_id, id);
    const left = deadline - performance.now();
    if (isReached(job) || left <= 0) return job;
    await sleep(Math.min(POLL_MS, left), undefined, { signal });
  }
}
