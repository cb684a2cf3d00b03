// The SQL of statistics: totals of days and months that name nobody.
import type { Knex } from 'knex';
import { databaseNow } from '../../base/database-time.ts';
import { DAY_MS } from '../../base/time.ts';

/** How far back days are counted, far longer than an outage, so that no day stays missed. */
const CATCH_UP_DAYS = 40;

/**
 * Counts a post on the day it ended, and bytes on the day their attempt was closed, so that each is
 * counted on one day only. Days are in UTC. `:today` is the first day that is not over.
 */
const CONTRIBUTIONS = `
  select (finished_at at time zone 'utc')::date as day, creator_id,
         (state = 'finished')::int as posts, (state = 'failed')::int as failed, 0::bigint as bytes
    from jobs
   where state in ('finished', 'failed') and finished_at >= :since and finished_at < :today
  union all
  select (closed_at at time zone 'utc')::date, creator_id, 0, 0, bytes_acknowledged
    from publish_attempts join jobs on jobs.id = publish_attempts.job_id
   where closed_at >= :since and closed_at < :today`;

/**
 * Inserts the totals of the days that are over and to which enough people contributed. The days
 * without a total of their own are added up by month, under the same condition; what remains is
 * never stored. It may run again: a stored total does not change, and a day that is part of a
 * month's total gets none of its own. Returns how many days and months were inserted.
 */
export async function keepTotals(
  db: Knex,
  minCreators: number,
  now = databaseNow(),
): Promise<{ days: number; months: number }> {
  const today = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
  const first = new Date(today.getTime() - CATCH_UP_DAYS * DAY_MS);
  // Begins on the first of a month, since a month's total needs all of its days.
  const since = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), 1));
  const values = { since, today, min_creators: minCreators };
  return db.transaction(async (trx) => {
    const days = await trx.raw(
      `insert into statistics (period, starts_on, posts, failed, bytes)
       select 'day', day, sum(posts), sum(failed), sum(bytes) from (${CONTRIBUTIONS}) as each
        where not exists (select from statistics where period = 'month'
                and starts_on = date_trunc('month', day)::date)
        group by day having count(distinct creator_id) >= :min_creators
       on conflict do nothing`,
      values,
    );
    const months = await trx.raw(
      `insert into statistics (period, starts_on, posts, failed, bytes)
       select 'month', date_trunc('month', day)::date, sum(posts), sum(failed), sum(bytes)
         from (${CONTRIBUTIONS}) as each
        where day < date_trunc('month', cast(:today as timestamptz) at time zone 'utc')::date
          and not exists (select from statistics where period = 'day' and starts_on = day)
        group by 2 having count(distinct creator_id) >= :min_creators
       on conflict do nothing`,
      values,
    );
    return { days: days.rowCount, months: months.rowCount };
  });
}
