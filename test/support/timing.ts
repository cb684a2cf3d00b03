// The intervals of tests that look at outages and at what follows them: tenths of those of production.
import type { Timing } from '../../src/base/timing.ts';

/**
 * In the same order as production's: two beats < an outage < the chance to beat < silence. A pool on
 * a busy machine must still beat in time, so a test that uses every core asks for more silence.
 */
export const FAST: Partial<Timing> = {
  beatMs: 300,
  beatQueryMs: 600,
  queryMs: 3_000,
  stuckMs: 2_000,
  outageMs: 1_000,
  chanceToBeatMs: 2_000,
  silentMs: 4_000,
  queuePollMs: 200,
  // The shortest that cron knows: each second.
  reapCron: '* * * * * *',
  repairCron: '* * * * * *',
  orphanedMs: 1_000,
  idleQueueMs: 3_000,
  watchMs: 300,
  fetchLaterMs: 300,
  storageRetryMs: 1_000,
  firstFaultMs: 300,
  longestFaultMs: 5_000,
  askAgainMs: 60_000,
  firstQuestionMs: 300,
  tiktokRetryMs: 1_000,
  reopenMs: 200,
  tiktokWordMs: 500,
};

/** Deletions do not wait for each other: a test deletes one creator, and reads the receipt. */
export const PROMPT: Partial<Timing> = {
  rewriteGatherMs: 100,
  rewriteEveryMs: 0,
  rewriteLockMs: 200,
  // Other tests' transactions, on the same server, are waited for.
  rewriteOutlastMs: 3_000,
  rewriteAgainMs: 500,
};
