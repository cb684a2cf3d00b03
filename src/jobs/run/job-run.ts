// One run of a job's step, which owns the job as last written, the fence, and the moves at its end.
import type { Knex } from 'knex';
import { readDatabaseTime } from '../../base/database-time.ts';
import type { Context } from '../../context/context.ts';
import type { Later } from '../../queue/later.ts';
import { assertNoDuplicate } from '../accept/limits.ts';
import { isCommitted } from '../attempts/attempts.ts';
import { isDoubtful } from '../attempts/doubt.ts';
import type { Job, JobError, Patch } from '../job.ts';
import { cancelHeld, holdJobs } from '../permission.ts';
import { STATES, type WorkingState } from '../states.ts';
import { insertEvent, queueJob } from '../store.ts';
import { moveJob } from '../transitions.ts';
import { choosePatience, createGiveUp, findWaitingCode } from '../waiting.ts';
import type { WaitingCode } from '../waiting-codes.ts';
import { describeFailure, describeUnconfirmed } from '../whether-posted.ts';
import {
  type Fenced,
  type FencedRow,
  fencedUpdate,
  holdsFence,
  LostJob,
  lockFenced,
} from './fence.ts';
import { toEvent, toMoveEvent } from './move-events.ts';

/** What the worker tells a run about its surroundings. */
export interface RunControl {
  /** The process is stopping: go on to the next checkpoint, no further. */
  stopping: AbortSignal;
  /** Stop now: the time to stop is over, or this pool was declared dead. */
  aborted: AbortSignal;
  isLastAttempt: boolean;
}

/** Thrown at a checkpoint when the process is stopping; the run is queued again at once. */
export class Stopping extends Error {
  override name = 'Stopping';
}

/** Looks at its fence from time to time until it is disposed of. */
export class JobRun implements Fenced, Disposable {
  readonly control: RunControl;
  /** Aborts when the job was lost, or when everything must stop now. */
  readonly signal: AbortSignal;
  #job: Job;
  readonly #ctx: Context;
  readonly #lost = new AbortController();
  readonly #watch: NodeJS.Timeout;

  constructor(ctx: Context, job: Job, control: RunControl) {
    this.#ctx = ctx;
    this.#job = job;
    this.control = control;
    this.signal = AbortSignal.any([this.#lost.signal, control.aborted]);
    this.#watch = setInterval(async () => {
      const isHeld = await holdsFence(ctx.db, this.#job).catch(() => true);
      if (!isHeld) this.#lost.abort(new LostJob());
    }, ctx.timing.watchMs);
  }

  get job(): Job {
    return this.#job;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  /** Throws LostJob when a look at the fence, or a write of progress, found it taken. */
  throwIfLost(): void {
    this.#lost.signal.throwIfAborted();
  }

  /** Throws when the job was lost, when everything must stop, and when the process is stopping. */
  checkpoint(): void {
    this.signal.throwIfAborted();
    if (this.control.stopping.aborted) throw new Stopping('The process is stopping');
  }

  async withFence<T>(work: (trx: Knex, row: FencedRow) => Promise<T>): Promise<T> {
    let written: Job | undefined;
    const result = await this.#ctx.db.transaction(async (trx) => {
      const current = await lockFenced(trx, this.#job);
      const update = async (changes: Record<string, unknown>) => {
        written = await fencedUpdate(trx, written ?? this.#job, changes);
      };
      return work(trx, { current, update });
    });
    if (written) this.#job = written;
    return result;
  }

  /** Does not wait for the write; one that finds the fence lost aborts `signal`. */
  writeProgress(progress: number): void {
    fencedUpdate(this.#ctx.db, this.#job, { progress }).catch((error) => {
      if (error instanceof LostJob) this.#lost.abort(error);
    });
  }

  /** The job moves on as the step says, with its event and its next run. */
  async move(patch: Patch): Promise<void> {
    const job = this.#job;
    const state = patch.state ?? STATES[job.state as WorkingState].next;
    const startedAt = performance.now();
    await this.withFence(async (trx, { current }) => {
      // What a URL holds is known only now; an upload was judged when the post was accepted.
      if (patch.source_sha256) await assertNoDuplicate(trx, { ...current, ...patch });
      await moveJob(trx, job, { ...patch, state }, toMoveEvent(state, patch));
    });
    const ms = Math.round(performance.now() - startedAt);
    this.#ctx.log.info({ event: 'job.moved', job_id: job.id, from: job.state, to: state, ms });
  }

  /**
   * The same step is queued again; `faults` are those in a row by then. A job that has to wait and
   * whose patience is over is given up instead.
   */
  async postpone(later: Later, faults: number): Promise<void> {
    const job = this.#job;
    const code = findWaitingCode(later);
    const isGivenUp = await this.#ctx.db.transaction(async (trx) => {
      const waiting = code && (await this.#wait(trx, later, code));
      if (waiting === 'given_up') return true;
      const changes = { faults, run_token: null, ...waiting };
      const kept = await fencedUpdate(trx, job, changes);
      if (code && later.reason && job.waiting_code !== code) {
        await insertEvent(trx, job.id, later.reason, { until: later.at, ...later.details });
      }
      await queueJob(trx, kept, later.at, 'preserve_run_at');
      return false;
    });
    if (code && isGivenUp) await this.fail(createGiveUp(later, code));
  }

  /** Starts the job's clock, or reads it: whatever it waits for, there is one for all of it. */
  async #wait(trx: Knex, later: Later, code: WaitingCode) {
    const current = await lockFenced(trx, this.#job);
    // Its file is prepared meanwhile; what it waits for is the permission.
    if (current.permission_lost_at) return {};
    const now = await readDatabaseTime(trx);
    if (current.gives_up_at && current.gives_up_at <= now) return 'given_up';
    const patience = choosePatience(this.#ctx.config, code);
    return {
      waiting_code: code,
      waiting_since: current.waiting_since ?? now,
      gives_up_at: current.gives_up_at ?? new Date(now.getTime() + patience),
      // Told to wait before anything was opened: that is the post's new time, for everybody to see.
      ...(current.state === 'ready' ? { send_at: later.at } : {}),
    };
  }

  /** Our permission is gone: nothing is sent before the creator has connected and agreed again. */
  async awaitPermission(later: Later): Promise<void> {
    const { id, creator_id } = this.#job;
    const isMarked = await this.#ctx.db.transaction(async (trx) => {
      await lockFenced(trx, this.#job);
      if (this.#job.state === 'sent' || (await isCommitted(trx, id))) return true;
      await holdJobs(trx, this.#ctx, creator_id, [id]);
      return false;
    });
    if (isMarked) await this.postpone(later, 0);
    this.#ctx.log.info({ event: 'job.held', job_id: id });
  }

  /** Its patience is over, and the creator has not agreed again. */
  async cancelHeld(): Promise<void> {
    await this.#ctx.db.transaction(async (trx) => {
      const job = await lockFenced(trx, this.#job);
      await cancelHeld(trx, this.#ctx, job);
    });
  }

  /** A job whose mark is set may have been posted: it ends unconfirmed, and the creator tells. */
  async fail(error: JobError): Promise<void> {
    const job = this.#job;
    const state = await this.#ctx.db.transaction(async (trx) => {
      const mayBePosted = job.state === 'sent' || (await isCommitted(trx, job.id));
      if (mayBePosted) {
        const told = describeUnconfirmed(error);
        await moveJob(
          trx,
          job,
          { state: 'unconfirmed', error: told },
          toEvent('unconfirmed', told),
        );
        return 'unconfirmed';
      }
      const told = describeFailure(error, await isDoubtful(trx, job.id));
      const patch = { state: 'failed' as const, error: told, attempt_outcome: error.code };
      await moveJob(trx, job, patch, toEvent('failed', told));
      return 'failed';
    });
    const fields = { job_id: job.id, from: job.state, code: error.code };
    this.#ctx.log.info({ event: `job.${state}`, ...fields });
  }
}
