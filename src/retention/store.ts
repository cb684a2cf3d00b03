// The SQL of retention: rows whose term is over, accounts that ended by themselves, and what was swept.
import type { Knex } from 'knex';
import type { Config } from '../base/config.ts';
import { quoted } from '../base/database.ts';
import type { Term } from '../base/declaration.ts';
import { WORKING_STATES } from '../jobs/states.ts';

/** One sweep at a time; any numbers that only we use. */
export const SWEEP_LOCK = 715_004;
export const RECONCILE_LOCK = 715_005;

// A third of what the database lets a transaction idle.
const TOUCH_MS = 5_000;

/**
 * Works while this process alone holds the lock; it ends with the process, also with one that is
 * stopped. `lost`: it ended before, and the work must end as well.
 */
export async function whileAlone<T>(
  db: Knex,
  lock: number,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T | 'not_now'> {
  return db.transaction(async (trx) => {
    const { rows } = await trx.raw('select pg_try_advisory_xact_lock(?) as is_ours', [lock]);
    return rows[0].is_ours ? touched(trx, work) : 'not_now';
  });
}

/** Keeps a transaction that waits for a disk, or for other transactions, from being ended as idle. */
export async function touched<T>(trx: Knex, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
  const lost = new AbortController();
  const touch = () => trx.raw('select 1').catch(() => lost.abort());
  const touching = setInterval(touch, TOUCH_MS);
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(touching);
  }
}

export interface Ending {
  table: string;
  term: Term;
}

/** Deletes at most `limit` rows whose term is over; what another transaction holds waits for later. */
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

/** A line of what the admin page shows; `what` is a table's name or a kind of thing. */
export interface Sweep {
  id: number;
  at: Date;
  what: string;
  removed: number;
  bytes: number;
  ms: number;
}

/** Newest first. */
export async function listSweeps(db: Knex, limit: number): Promise<Sweep[]> {
  return db('sweeps').orderBy('id', 'desc').limit(limit);
}

/** Starts a line, or adds to it; answers its id. Rows are removed in the same transaction. */
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

/** Why an account ends by itself. */
export type Dormancy = 'disconnected' | 'inactive';

/** Accounts that ended by themselves; none while the setting is off. */
export async function listDormant(
  db: Knex,
  config: Config,
  reason: Dormancy,
  limit: number,
): Promise<string[]> {
  return dormant(db, config, reason).where({ leaving_at: null }).limit(limit).pluck('id');
}

/** Once more, in the transaction that has marked it as leaving: it may have come back meanwhile. */
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
  // Visits are noted to the day, so one day more; what is posted for somebody is use as well.
  return db('creators')
    .whereRaw("last_seen_at < now() - (? + 1) * interval '1 day'", [days])
    .whereRaw(
      `not exists (select from jobs where jobs.creator_id = creators.id
         and (jobs.state = any(?) or jobs.finished_at > now() - ? * interval '1 day'))`,
      [[...WORKING_STATES], days],
    );
}

/** A database that never knew anybody is not the one that these files belong to. */
export async function hasKnownAnybody(db: Knex): Promise<boolean> {
  const { rows } = await db.raw(
    'select exists (select from creators) or exists (select from deletions) as is_so',
  );
  return rows[0].is_so;
}
