// Waits for a job to come so far, by looking from time to time: any process may be the one that moves it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context/context.ts';
import type { Job } from './job.ts';
import { getJob } from './store.ts';

const POLL_MS = 300;

/** The job once `is_reached`, or as it is when `ms` have passed. Throws `not_found`, and when `signal` aborts. */
export async function waitForJob(
  ctx: Context,
  { creator_id, id }: { creator_id: string; id: string },
  { isReached, ms, signal }: { isReached(job: Job): boolean; ms: number; signal: AbortSignal },
): Promise<Job> {
  const deadline = Date.now() + ms;
  for (;;) {
    const job = await getJob(ctx.db, creator_id, id);
    const left = deadline - Date.now();
    if (isReached(job) || left <= 0) return job;
    await sleep(Math.min(POLL_MS, left), undefined, { signal });
  }
}
