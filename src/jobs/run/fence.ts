// The fence of a run: a token in the job's row, which every write of the run names.
import type { Knex } from 'knex';
import type { Job } from '../job.ts';
import { STATES, type StepName, WORKING_STATES } from '../states.ts';

/** Thrown when another run, a cancellation or a deletion has taken the job over. */
export class LostJob extends Error {
  override name = 'LostJob';

  constructor() {
    super('The job was taken over by another run, cancelled or deleted');
  }
}

/** The job's row, locked and still this run's. */
export interface FencedRow {
  /** As it stands now; the creator may have changed it since the run began. */
  current: Job;
  /** Changes the row. The run's own `job` follows when the transaction is committed. */
  update(changes: Record<string, unknown>): Promise<void>;
}

/** A run as its publish attempts see it. */
export interface Fenced {
  /** As the run last wrote it. */
  readonly job: Job;
  /** One transaction in which the job's row is locked. Throws LostJob when it is not this run's. */
  withFence<T>(work: (trx: Knex, row: FencedRow) => Promise<T>): Promise<T>;
}

/** When a job that waits for its time may start, as `findStart` of the store says it. */
const START = `case when permission_lost_at is null then send_at
  else coalesce(gives_up_at, permission_lost_at) end`;

/**
 * Writes a fresh token into the job's row: from here on only this run may write, and it has made no
 * progress yet. `isEarly` is true while the job's time lies ahead, by the database's clock, which also
 * decides when runs come due. Returns undefined when the job is not where this step starts.
 */
export async function takeFence(
  db: Knex,
  id: string,
  step: StepName,
  runToken: string,
): Promise<{ job: Job; isEarly: boolean } | undefined> {
  const states = WORKING_STATES.filter((state) => STATES[state].step === step);
  const [row] = await db('jobs')
    .where({ id })
    .whereIn('state', states)
    // A run says when it ends. One that left its token was killed, or taken for dead.
    .update({
      run_token: runToken,
      progress: null,
      deaths: db.raw('deaths + case when run_token is null then 0 else 1 end'),
    })
    .returning(['*', db.raw(`${START} > clock_timestamp() as is_early`)]);
  if (!row) return undefined;
  const { is_early: isEarly, ...job } = row;
  return { job, isEarly };
}

/** Says that the run has ended by a fault, and not by the end of its process. */
export async function leaveFence(db: Knex, { id, run_token }: Job): Promise<void> {
  await db('jobs').where({ id, run_token }).update({ run_token: null });
}

/** Whether this run still holds the job's fence. */
export async function holdsFence(db: Knex, job: Pick<Job, 'id' | 'run_token'>): Promise<boolean> {
  const held = await db('jobs').where({ id: job.id, run_token: job.run_token }).first('id');
  return held !== undefined;
}

/** An update that only the run holding the fence may make; throws LostJob otherwise. */
export async function fencedUpdate(
  trx: Knex,
  job: Job,
  changes: Record<string, unknown>,
): Promise<Job> {
  const [row] = await trx('jobs')
    .where({ id: job.id, state: job.state, run_token: job.run_token })
    .update({ ...changes, updated_at: trx.fn.now() })
    .returning('*');
  if (!row) throw new LostJob();
  return row;
}

/** Locks the job's row until the transaction ends. Throws LostJob when it is not this run's. */
export async function lockFenced(trx: Knex, { id, state, run_token }: Job): Promise<Job> {
  const held = await trx('jobs').where({ id, state, run_token }).forUpdate().first();
  if (!held) throw new LostJob();
  return held;
}
