// The database's time: in SQL, by a query, and as this process knows it between two readings.
import type { Knex } from 'knex';
import type { Logger } from './log.ts';
import { SECOND_MS } from './time.ts';

const READ_EVERY_MS = 10 * SECOND_MS;
/** An answer that took longer says too little about when it was given. */
const LONGEST_ANSWER_MS = SECOND_MS;
/** The quickest of these answers counts. */
const FIRST_READINGS = 3;
/** Clocks this far apart are told to the operator. Posts do not suffer; logs are hard to read. */
const SKEW_MS = 5 * SECOND_MS;

let known: { databaseMs: number; readAt: number; skewMs: number } | null = null;

/**
 * Returns the database's time without asking: the last reading, carried on by a monotonic clock, so
 * that neither a wrong clock of this machine nor one that is set matters. It is never ahead of the
 * database, and behind by the time that an answer takes. What a transaction decides about a row is
 * decided in SQL instead. Before the first reading it is this machine's time.
 */
export function databaseNow(): Date {
  if (!known) return new Date();
  return new Date(known.databaseMs + performance.now() - known.readAt);
}

/** Returns the database's time after so many milliseconds; before, where the number is negative. */
export function addToNow(ms: number): Date {
  return new Date(databaseNow().getTime() + ms);
}

/** Returns how many milliseconds ago that was, by the database's time. */
export function measureSince(at: Date): number {
  return databaseNow().getTime() - at.getTime();
}

/** Returns SQL for so many milliseconds after the beginning of the transaction. */
export function sqlFromNow(db: Knex, ms: number): Knex.Raw {
  return db.raw("now() + ? * interval '1 millisecond'", [ms]);
}

/** Asks the database for its time: of this moment, and not of the transaction's beginning. */
export async function readDatabaseTime(db: Knex): Promise<Date> {
  const { rows } = await db.raw('select clock_timestamp() as at');
  return rows[0].at;
}

/** Reads the database's time now and every ten seconds, for `databaseNow`. */
export async function followDatabaseTime(db: Knex, log: Logger): Promise<{ stop(): void }> {
  for (let n = 0; n < FIRST_READINGS; n += 1) await takeReading(db);
  warnOfSkew(log, false);
  const timer = setInterval(async () => {
    const wasSkewed = isClockSkewed();
    // Whether the database answers is told elsewhere. The last reading holds meanwhile.
    await takeReading(db).catch(() => {});
    warnOfSkew(log, wasSkewed);
  }, READ_EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Whether this machine's clock and the database's were far apart at the last reading. */
export function isClockSkewed(): boolean {
  return known !== null && Math.abs(known.skewMs) >= SKEW_MS;
}

async function takeReading(db: Knex): Promise<void> {
  const askedAt = performance.now();
  const databaseMs = (await readDatabaseTime(db)).getTime();
  const readAt = performance.now();
  const tookMs = readAt - askedAt;
  if (known && tookMs > LONGEST_ANSWER_MS) return;
  // An answer is behind by the time that it took, at most: an earlier reading that fits is nearer.
  const expectedMs = known ? known.databaseMs + readAt - known.readAt : 0;
  const isNearer = expectedMs >= databaseMs && expectedMs <= databaseMs + tookMs;
  if (known && isNearer) known.skewMs = Date.now() - expectedMs;
  else known = { databaseMs, readAt, skewMs: Date.now() - databaseMs };
}

function warnOfSkew(log: Logger, wasSkewed: boolean): void {
  if (wasSkewed || !known || !isClockSkewed()) return;
  const seconds = Math.round(Math.abs(known.skewMs) / SECOND_MS);
  log.warn({
    event: 'clock.skewed',
    skew_ms: Math.round(known.skewMs),
    message: `The clock of this machine is ${seconds} s ${known.skewMs > 0 ? 'ahead of' : 'behind'} the database's. PM3K goes by the database's, so posts and expiries are not affected. Times in the log are, and a bucket or TikTok may refuse requests: set the clock, e.g. by NTP.`,
  });
}
