// The clocks and intervals that tests shorten: one object in the context, in milliseconds.
import { HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts';

export interface Timing {
  /** How often a process says that its worker pools are alive. */
  beatMs: number;
  /** The time limit of a beat, and of a question about readiness. */
  beatQueryMs: number;
  /** The time limit of every other query, unless its purpose has one of its own. */
  queryMs: number;
  /** A pool that could take work and has not looked for it for so long is replaced. */
  stuckMs: number;
  /** A pool that has not beaten for so long is declared dead, and what it held is freed. */
  silentMs: number;
  /** Longer without the database than two beats means that there was an outage. */
  outageMs: number;
  /** How long after an outage nobody is declared dead, so that every pool has the time to beat. */
  chanceToBeatMs: number;
  /** How often a pool looks for work that has come due. */
  queuePollMs: number;
  /** When each process looks for dead pools: cron, seconds first. */
  reapCron: string;
  /** When each process looks for jobs without a run, and for what the queue cannot use. */
  repairCron: string;
  /** A job without a run that did not change for so long gets one. */
  orphanedMs: number;
  /** A queue that is held for so long by a pool that runs nothing of it is freed. */
  idleQueueMs: number;
  /** For how long deletions are gathered before the files of the database are rewritten. */
  rewriteGatherMs: number;
  /** The time from one rewrite to the next. */
  rewriteEveryMs: number;
  /** How long a rewrite waits for a table, and everybody else who wants the table behind it. */
  rewriteLockMs: number;
  /** For how long a rewrite waits for older transactions. */
  rewriteOutlastMs: number;
  /** After how long a rewrite is tried again that somebody else's transaction held up. */
  rewriteAgainMs: number;
  /** How long running steps may go on to their next checkpoint when the process stops. */
  stopPatienceMs: number;
  /** How long a connection is waited for that does not end. */
  closeMs: number;
  /** How often a run looks whether its job is still its own. */
  watchMs: number;
  /** A step's progress is written at most this often. */
  progressMs: number;
  /** After how long a source is asked for again that waits for others of its creator. */
  fetchLaterMs: number;
  /** After how long a step is run again that found a full disk or storage that does not answer. */
  storageRetryMs: number;
  /** The wait after a step's first fault; it doubles with each further one. */
  firstFaultMs: number;
  /** The longest wait after a fault of a step. */
  longestFaultMs: number;
  /** The longest wait after a fault of a chore. */
  longestChoreFaultMs: number;
  /** TikTok's minute of rate limits, and two seconds for the difference of the clocks. */
  tiktokMinuteMs: number;
  /** Added by chance to that minute where TikTok said that it was full. */
  minuteJitterMs: number;
  /** How long the refresh of another process is waited for. */
  refreshPatienceMs: number;
  /** How long a process that was stopped with new tokens is waited for. */
  lateRefreshMs: number;
  /** How often it is looked whether a lost permission has come back. */
  askAgainMs: number;
  /** When TikTok is asked first how a post ended. */
  firstQuestionMs: number;
  /** The wait after a failure at TikTok that may pass; it doubles with each further one. */
  tiktokRetryMs: number;
  /** The wait before an upload is opened anew. */
  reopenMs: number;
  /** How often TikTok's word about an unanswered init, or a lapsing upload, is looked for. */
  tiktokWordMs: number;
}

export const TIMING: Readonly<Timing> = {
  beatMs: 2 * SECOND_MS,
  beatQueryMs: 2 * SECOND_MS,
  queryMs: 15 * SECOND_MS,
  stuckMs: 10 * SECOND_MS,
  silentMs: 8 * SECOND_MS,
  outageMs: 5 * SECOND_MS,
  chanceToBeatMs: 4 * SECOND_MS,
  queuePollMs: 500,
  reapCron: '* * * * * *',
  repairCron: '*/5 * * * * *',
  orphanedMs: 5 * SECOND_MS,
  idleQueueMs: 30 * SECOND_MS,
  rewriteGatherMs: 5 * SECOND_MS,
  rewriteEveryMs: MINUTE_MS,
  rewriteLockMs: 2 * SECOND_MS,
  rewriteOutlastMs: 5 * SECOND_MS,
  rewriteAgainMs: 10 * SECOND_MS,
  stopPatienceMs: 20 * SECOND_MS,
  closeMs: 5 * SECOND_MS,
  watchMs: 2 * SECOND_MS,
  progressMs: SECOND_MS,
  fetchLaterMs: 2 * SECOND_MS,
  storageRetryMs: MINUTE_MS,
  firstFaultMs: SECOND_MS,
  longestFaultMs: 5 * MINUTE_MS,
  longestChoreFaultMs: 15 * MINUTE_MS,
  tiktokMinuteMs: MINUTE_MS + 2 * SECOND_MS,
  minuteJitterMs: 3 * SECOND_MS,
  refreshPatienceMs: MINUTE_MS,
  lateRefreshMs: MINUTE_MS,
  askAgainMs: 15 * MINUTE_MS,
  firstQuestionMs: 2 * SECOND_MS,
  tiktokRetryMs: 30 * SECOND_MS,
  reopenMs: SECOND_MS,
  tiktokWordMs: MINUTE_MS,
};

/** The time limits of queries that may take longer than `queryMs`, by their purpose. */
export const QUERY_LIMITS = {
  /** Erasing a creator's rows, and searching every table for traces. */
  erasure: 30 * MINUTE_MS,
  /** Rewriting a table of at most 256 MB, or one beyond that on its day of the month. */
  rewrite: 6 * HOUR_MS,
  /** Changing all posts of a creator, or of everybody: a permission that ends, a lost database. */
  allPosts: 10 * MINUTE_MS,
  /** Reading a creator's rows for an export. */
  export: 10 * MINUTE_MS,
  /** A change of the schema takes as long as it takes; the next process waits for it. */
  migration: Number.POSITIVE_INFINITY,
  /** Writing and settling a backup. */
  backup: 6 * HOUR_MS,
} as const;
