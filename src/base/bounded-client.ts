// A database connection on which every query has a time limit; hitting it ends the connection.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import pg from 'pg';
import { SECOND_MS } from './time.ts';

/** The error of the queries of a connection that has not answered in time. */
export class SilentConnection extends Error {
  override name = 'SilentConnection';
}

export interface BoundedConfig extends pg.ClientConfig {
  /** The limit of a query, unless `withQueryLimit` gives another. */
  limitMs: number;
  /** Its silence says nothing about other connections, because its limit is short. */
  isHasty?: boolean;
}

/** What pg keeps to itself: the protocol on the socket. */
type Wire = EventEmitter & { stream: { destroy(error: Error): void } };
/** A silence that says something about the other connections as well. */
const ENOUGH_MS = 5 * SECOND_MS;

type Ask = (...args: unknown[]) => unknown;

const givenLimit = new AsyncLocalStorage<number>();
const open = new Set<BoundedClient>();

/**
 * Gives all queries that `work` makes this limit in milliseconds, or none with Infinity. It must
 * contain whole transactions: the limit of the server cannot be changed inside one.
 */
export function withQueryLimit<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  // knex makes a query when it is awaited, which must happen inside.
  return givenLimit.run(limitMs, async () => await work());
}

/**
 * A query that is slow is ended by the server shortly before the limit, and its connection stays. So
 * a limit that is hit means that the connection is dead, although nobody said so: it is ended here,
 * because a pool would hand it out again, and with it every idle one that has been silent as long.
 */
export class BoundedClient extends pg.Client {
  readonly #usualMs: number;
  readonly #isHasty: boolean;
  readonly #wire: Wire;
  /** The limits of the queries that wait for an answer, in the order of the answers. */
  readonly #waiting: number[] = [];
  #serverMs: number;
  #isReady = false;
  #isInTransaction = false;
  #heardAt = 0;
  #askedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: BoundedConfig) {
    super({ ...config, statement_timeout: toServerLimit(config.limitMs) });
    this.#usualMs = config.limitMs;
    this.#serverMs = config.limitMs;
    this.#isHasty = config.isHasty ?? false;
    this.#wire = (this as unknown as { connection: Wire }).connection;
    this.#wire.on('readyForQuery', ({ status }: { status: string }) => this.#hear(status));
    this.#wire.once('end', () => this.#forget());
    this.on('error', () => this.#forget());
    const ask = this.query.bind(this) as Ask;
    this.query = ((...args: unknown[]) => {
      this.#expectAnswer(ask);
      return ask(...args);
    }) as pg.Client['query'];
    open.add(this);
  }

  #expectAnswer(ask: Ask): void {
    if (!open.has(this)) return;
    const limitMs = givenLimit.getStore() ?? this.#usualMs;
    const serverMs = Math.max(limitMs, this.#usualMs);
    if (serverMs !== this.#serverMs && this.#isIdle()) {
      this.#serverMs = serverMs;
      this.#wait(limitMs);
      ask(`set statement_timeout = ${toServerLimit(serverMs)}`, () => {});
    }
    this.#wait(limitMs);
  }

  #wait(limitMs: number): void {
    this.#waiting.push(limitMs);
    if (this.#waiting.length === 1) this.#startTimer();
  }

  /** Each query, also one that failed, is answered by one message of this kind. */
  #hear(status: string): void {
    this.#heardAt = performance.now();
    this.#isInTransaction = status !== 'I';
    // The first one ends the start of the session.
    if (this.#isReady) this.#waiting.shift();
    this.#isReady = true;
    this.#startTimer();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    const limitMs = this.#waiting[0];
    if (limitMs === undefined) return;
    this.#askedAt = performance.now();
    if (limitMs === Number.POSITIVE_INFINITY) return;
    // A process that was stopped finds its answers in the next phase of the event loop.
    this.#timer = setTimeout(() => setImmediate(() => this.endIfSilent(limitMs)), limitMs);
  }

  /** Ends the connection if a query has waited for so long. */
  endIfSilent(ms: number): void {
    const askedAt = this.#askedAt;
    // Timers may be a millisecond early.
    if (this.#waiting.length === 0 || performance.now() - askedAt < ms - 1) return;
    const error = new SilentConnection(`The database has not answered for ${ms} ms`);
    this.#end(error);
    if (this.#isHasty || ms < Math.min(this.#usualMs, ENOUGH_MS)) return;
    for (const other of open) if (other.#isIdle() && other.#heardAt < askedAt) other.#end(error);
  }

  #isIdle(): boolean {
    return this.#isReady && !this.#isInTransaction && this.#waiting.length === 0;
  }

  #end(error: Error): void {
    this.#forget();
    this.#wire.stream.destroy(error);
  }

  #forget(): void {
    open.delete(this);
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }
}

/** In milliseconds; 0 is no limit. Less than ours, so that a slow query does not end its connection. */
function toServerLimit(limitMs: number): number {
  return limitMs === Number.POSITIVE_INFINITY
    ? 0
    : Math.floor(limitMs - Math.min(SECOND_MS, limitMs / 3));
}
