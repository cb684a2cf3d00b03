// The SQL of statistics: totals of days and months that name nobody.

import type { Knex } from 'knex';
import { DAY_MS } from '../../base/time.ts';

/** Far more than an outage lasts, so that a missed day is made up for. */
const CATCH_UP_DAYS = 40;

/**
 * Posts by the day of their end, bytes by the day on which their attempt was closed: each is counted
 * on one day, however late it comes. Days are UTC. `:today` is the first day that is not over.
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
 * Keeps the total of each day that is over, and of each month that is over from its days that were
 * not kept, where enough people contributed; the rest is never written. Harmless when run again:
 * what is kept stays as it is, what was too little does not grow, and a month once added up takes
 * its days with it.
 */
export async function keepTotals(
  db: Knex,
  minCreators: number,
  now = new Date(),
): Promise<{ days: number; months: number }> {
  const today = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
  const first = new Date(today.getTime() - CATCH_UP_DAYS * DAY_MS);
  // Whole months, since one that ended within the time is added up from its first day.
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
