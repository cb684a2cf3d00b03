// The protocol with graphile-worker: how its runs are added, kept and cleared.
import type { Knex } from 'knex';
import type { ConnectionOptions, Database } from '../base/database.ts';
import type { Logger } from '../base/log.ts';
import type { Timing } from '../base/timing.ts';
import type { DatabaseContact } from './database-contact.ts';

// The most graphile-worker can hold: publishing keeps its own count and never gives up by attempts.
const ENDLESS_ATTEMPTS = 32_767;

/** What the queue needs of its surroundings. */
export interface QueueContext {
  db: Database;
  log: Logger;
  connection: ConnectionOptions;
  timing: Timing;
  databaseContact: DatabaseContact;
}

/**
 * What becomes of a run that waits under the same key. `replace` is for moves and wakes: it sets the
 * time. `preserve_run_at` is for a run that asks to be run again: were a wake added meanwhile, its
 * earlier time stays.
 */
export type KeyMode = 'replace' | 'preserve_run_at';

export interface QueuedRun {
  /** `module.step` or `module.chore` */
  name: string;
  /** No two runs wait under one key. */
  key: string;
  payload?: Record<string, unknown>;
  /** Now, unless it says otherwise. */
  runAt?: Date | undefined;
  /** After so many the run is given up; without a number it never is. */
  attempts?: number | null;
  /** Runs of one name are made one after another. */
  queueName?: string | null;
}

export interface QueuedStep {
  job_id: string;
  /** `module.step` */
  step: string;
  /** Now by the database's time, unless it says otherwise. */
  run_at: Date | undefined;
  attempts: number | null;
  queueName: string | null;
}

/** Adds the job's next run in the caller's transaction. */
export async function queueStep(trx: Knex, step: QueuedStep, mode?: KeyMode): Promise<void> {
  await queueSteps(trx, [step], mode);
}

/** Adds the jobs' next runs in the caller's transaction. One key per job: two runs never wait. */
export async function queueSteps(trx: Knex, steps: QueuedStep[], mode?: KeyMode): Promise<void> {
  const runs = steps.map(({ job_id, step, run_at, attempts, queueName }) => {
    const key = jobKey(job_id);
    return { name: step, key, payload: { job_id }, runAt: run_at, attempts, queueName };
  });
  await queueRuns(trx, runs, mode);
}

/** Adds a chore to be run once; a second one under the same key replaces it. */
export async function queueChore(trx: Knex, chore: QueuedRun): Promise<void> {
  await queueRuns(trx, [chore]);
}

/** Adds runs in the caller's transaction. */
export async function queueRuns(
  trx: Knex,
  runs: QueuedRun[],
  mode: KeyMode = 'replace',
): Promise<void> {
  let left = runs;
  while (left.length > 0) {
    const { rows } = await trx.raw(
      `select run.key from jsonb_to_recordset(?::jsonb)
         as run(name text, key text, payload json, "runAt" timestamptz, attempts int,
                "queueName" text)
        cross join lateral graphile_worker.add_job(
          run.name, payload := coalesce(run.payload, '{}'), queue_name := run."queueName",
          run_at := coalesce(run."runAt", now()), max_attempts := coalesce(run.attempts, ?::int),
          job_key := run.key, job_key_mode := ?::text) as added
        where added.id is null`,
      [JSON.stringify(left), ENDLESS_ATTEMPTS, mode],
    );
    // add_job does nothing where a worker took the waiting run at this very moment. Called again, it
    // sees that the run is held, and adds another.
    const missed = new Set(rows.map((row: { key: string }) => row.key));
    left = left.filter(({ key }) => missed.has(key));
  }
}

/** Takes a waiting run out; one that is running finds its job moved on, and stops by itself. */
export async function unqueue(trx: Knex, jobId: string): Promise<void> {
  await trx.raw('select graphile_worker.remove_job(?)', [jobKey(jobId)]);
}

/** Takes the waiting runs of many jobs out at once. */
export async function unqueueAll(trx: Knex, jobIds: string[]): Promise<void> {
  await trx.raw('select graphile_worker.remove_job(key) from unnest(?::text[]) as key', [
    jobIds.map(jobKey),
  ]);
}

/** Whether a worker holds the run of this id. */
export async function isHeld(db: Knex, runId: string): Promise<boolean> {
  const { rows } = await db.raw(
    'select 1 from graphile_worker._private_jobs where id = ? and locked_at is not null',
    [runId],
  );
  return rows.length > 0;
}

/** Of these chores' keys, those that have a run which will still be made. */
export async function findQueuedKeys(db: Knex, keys: string[]): Promise<Set<string>> {
  const { rows } = await db.raw(
    'select key from graphile_worker._private_jobs where key = any(?) and attempts < max_attempts',
    [keys],
  );
  return new Set(rows.map((row: { key: string }) => row.key));
}

/** What the queue holds of a creator beside the runs of jobs: the name of the queue for sending. */
export async function removeCreatorQueue(
  trx: Knex,
  creatorId: string,
): Promise<Record<string, number>> {
  const table = 'graphile_worker._private_job_queues';
  const { rowCount } = await trx.raw(`delete from ${table} queues where queue_name = ?`, [
    `creator:${creatorId}`,
  ]);
  return { [table]: rowCount };
}

function jobKey(jobId: string): string {
  return `job:${jobId}`;
}
