// The worker pool of one kind of work: replaced at once, under a new id, whenever it broke or died.
import type { Knex } from 'knex';
import type { Beats } from './beats.ts';
import { DeclaredDead, unregisterPool } from './heartbeat.ts';
import { openWorkerPool, type Pool, type PoolOptions } from './pool.ts';
import type { QueueContext } from './queue.ts';
import { unlockIdle } from './repair.ts';
import { createSlots, type Slots } from './slots.ts';

export interface WorkerPool {
  /** Lets running steps reach their next checkpoint, then ends; at most 25 s. */
  stop(): Promise<void>;
}

export async function startWorkerPool(
  queue: QueueContext,
  beats: Beats,
  of: PoolOptions,
): Promise<WorkerPool> {
  const pool = new ReplacedPool(queue, beats, of);
  await pool.start();
  return pool;
}

/**
 * A pool that takes no more runs is replaced beside those that it has: a long upload goes on under
 * its token, its pool beats on, and what that pool holds beyond it is freed.
 */
class ReplacedPool implements WorkerPool {
  readonly #queue: QueueContext;
  readonly #beats: Beats;
  readonly #of: PoolOptions;
  readonly #slots: Slots;
  readonly #replaced = new Set<Pool>();
  #current: Pool | undefined;
  #starting: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;
  #isSettling = false;

  constructor(queue: QueueContext, beats: Beats, of: PoolOptions) {
    this.#queue = queue;
    this.#beats = beats;
    this.#of = of;
    this.#slots = createSlots(of.concurrency);
  }

  async start(): Promise<void> {
    await this.#startOne();
    this.#timer = setInterval(() => this.#look(), this.#queue.timing.beatMs);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    await this.#starting;
    const pools = [...this.#replaced, ...(this.#current ? [this.#current] : [])];
    await Promise.all(
      pools.map(async (pool) => {
        await pool.stop();
        await this.#forget(pool).catch(() => this.#beats.remove(pool.id));
      }),
    );
  }

  async #startOne(): Promise<void> {
    const pool = await openWorkerPool(this.#queue, this.#of, this.#slots);
    const countStuckMs = () => this.#countStuckMs(pool);
    const die = () => this.#die(pool);
    try {
      await this.#beats.add({ id: pool.id, name: this.#of.name, countStuckMs, die });
    } catch (error) {
      pool.leave();
      throw error;
    }
    this.#current = pool;
    pool.broken.then(() => this.#replace(pool, 'pool.broken'));
  }

  /** Runs at each beat, so what the database could not answer is asked again. */
  #look(): void {
    const pool = this.#current;
    const isStuck = pool && this.#countStuckMs(pool) > this.#queue.timing.stuckMs;
    if (isStuck) this.#replace(pool, 'pool.stuck');
    this.#ensureOne();
    this.#settleReplaced();
  }

  #ensureOne(): void {
    if (this.#current || this.#starting || this.#isStopping) return;
    this.#starting = this.#startOne()
      .catch(() => {})
      .finally(() => {
        this.#starting = undefined;
      });
  }

  #replace(pool: Pool, event: string): void {
    if (pool !== this.#current || this.#isStopping) return;
    this.#queue.log.warn({ event, lane: this.#of.name, running: pool.countRunning() });
    this.#current = undefined;
    this.#replaced.add(pool);
    pool.leave();
    pool.ended.then(() => this.#settleReplaced());
    this.#ensureOne();
    this.#settleReplaced();
  }

  #die(pool: Pool): void {
    pool.abort(new DeclaredDead());
    this.#replace(pool, 'pool.declared_dead');
  }

  /** An unregistered pool would be declared dead where the database did not answer, so it beats on. */
  async #forget(pool: Pool): Promise<void> {
    await unregisterPool(this.#queue, pool.id);
    this.#beats.remove(pool.id);
  }

  /** Frees what replaced pools hold and do not run, and forgets those whose last run has ended. */
  async #settleReplaced(): Promise<void> {
    if (this.#isSettling || this.#isStopping) return;
    this.#isSettling = true;
    for (const pool of this.#replaced) await this.#settle(pool).catch(() => {});
    this.#isSettling = false;
  }

  async #settle(pool: Pool): Promise<void> {
    if (!pool.isEnded) {
      const free = (trx: Knex) => unlockIdle(trx, pool.id, pool.listStillRunning());
      return this.#queue.db.transaction(free);
    }
    await this.#forget(pool);
    this.#replaced.delete(pool);
  }

  /** For how long it has not looked for work although the database answers and a slot is free. */
  #countStuckMs(pool: Pool): number {
    if (pool !== this.#current) return this.#queue.timing.stuckMs;
    const running = [pool, ...this.#replaced].reduce((sum, each) => sum + each.countRunning(), 0);
    if (running >= this.#of.concurrency) return 0;
    return Math.min(pool.countLookedMs(), this.#queue.databaseContact.countSteadyMs());
  }
}
