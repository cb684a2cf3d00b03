// The SQL of retention: rows whose term is over, dormant accounts, and records of what was removed.
import type { Knex } from 'knex';
import type { Config } from '../base/config.ts';
import { quoted } from '../base/database.ts';
import type { Term } from '../base/declaration.ts';
import { WORKING_STATES } from '../jobs/states.ts';
import { isAlone } from '../queue/repair.ts';

/** Advisory locks, so that one process at a time sweeps or reconciles; no other code has these. */
export const SWEEP_LOCK = 715_004;
export const RECONCILE_LOCK = 715_005;

// Less than a third of the time after which the database ends an idle transaction.
const TOUCH_MS = 3_000;

/**
 * Runs `work` while this process holds the lock; returns `not_now` when another one holds it. The
 * lock ends with the connection, also when the process is killed or stopped. `lost` aborts when the
 * lock is gone and the work must end.
 */
export async function whileAlone<T>(
  db: Knex,
  lock: number,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T | 'not_now'> {
  return db.transaction(async (trx) =>
    (await isAlone(trx, lock)) ? keepAlive(trx, work) : 'not_now',
  );
}

/** Keeps the database from ending a transaction as idle while `work` waits for something else. */
export async function keepAlive<T>(trx: Knex, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
  const lost = new AbortController();
  const touch = () => trx.raw('select 1').catch(() => lost.abort());
  const touching = setInterval(touch, TOUCH_MS);
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(touching);
  }
}

/** A table whose declaration says when its rows end. */
export interface Ending {
  table: string;
  term: Term;
}

/** Deletes at most `limit` rows whose term is over, and skips locked ones. Returns how many. */
export async function removeEnded(
  trx: Knex,
  { table, term }: Ending,
  config: Config,
  limit: number,
): Promise<number> {
  const { at, after = '0 days', early = '0 hours', unless = 'false' } = term;
  const interval = typeof after === 'string' ? after : `${config[after.days]} days`;
  const { rowCount } = await trx.raw(
    `delete from ${quoted(table)} where ctid = any (array(
       select ctid from ${quoted(table)}
        where ${at} < now() - (?::interval - ?::interval) and not (${unless})
        limit ? for update skip locked))`,
    [interval, early, limit],
  );
  return rowCount;
}

/** A row of `sweeps`, which the overview shows. `what` is a table or a kind of thing. */
export interface Sweep {
  id: number;
  at: Date;
  what: string;
  removed: number;
  bytes: number;
  ms: number;
}

/** Returns what was removed, the newest first. */
export async function listSweeps(db: Knex, limit: number): Promise<Sweep[]> {
  return db('sweeps').orderBy('id', 'desc').limit(limit);
}

/**
 * Inserts a row, or adds to the one of this id, in the transaction that removes. Returns the id.
 */
export async function recordSweep(
  trx: Knex,
  id: number | null,
  { what, removed, bytes, ms }: Pick<Sweep, 'what' | 'removed' | 'bytes' | 'ms'>,
): Promise<number> {
  if (id === null) {
    const [row] = await trx('sweeps').insert({ what, removed, bytes, ms }).returning('id');
    return row.id;
  }
  await trx('sweeps')
    .where({ id })
    .update({ removed: trx.raw('removed + ?', removed), bytes: trx.raw('bytes + ?', bytes), ms });
  return id;
}

/** Why an account is deleted without anybody asking. */
export type Dormancy = 'disconnected' | 'inactive';

/** Returns the ids of dormant accounts; none while the setting is off. */
export async function listDormant(
  db: Knex,
  config: Config,
  reason: Dormancy,
  limit: number,
): Promise<string[]> {
  return dormant(db, config, reason).where({ leaving_at: null }).limit(limit).pluck('id');
}

/** Checks again in the transaction that marked the account as leaving: it may have come back. */
export async function isDormant(
  trx: Knex,
  config: Config,
  reason: Dormancy,
  id: string,
): Promise<boolean> {
  return (await dormant(trx, config, reason).where({ id }).first('id')) !== undefined;
}

function dormant(db: Knex, config: Config, reason: Dormancy): Knex.QueryBuilder {
  if (reason === 'disconnected') {
    return db('creators').whereRaw("disconnected_at < now() - ? * interval '1 day'", [
      config.DISCONNECTED_DAYS,
    ]);
  }
  const days = config.INACTIVE_DAYS;
  if (days === 0) return db('creators').whereRaw('false');
  // Visits are stored by the day, so this waits one day more. Posts count as use too.
  return db('creators')
    .whereRaw("last_seen_at < now() - (? + 1) * interval '1 day'", [days])
    .whereRaw(
      `not exists (select from jobs where jobs.creator_id = creators.id
         and (jobs.state = any(?) or jobs.finished_at > now() - ? * interval '1 day'))`,
      [[...WORKING_STATES], days],
    );
}

/** Whether the database has ever had a creator. If not, stored files belong to another database. */
export async function hasKnownAnybody(db: Knex): Promise<boolean> {
  const { rows } = await db.raw(
    'select exists (select from creators) or exists (select from deletions) as is_so',
  );
  return rows[0].is_so;
}
