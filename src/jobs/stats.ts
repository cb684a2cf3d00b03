// The SQL that counts jobs: by state for the metrics, by status and day for their creator.
import type { Knex } from 'knex';
import { sqlFromNow } from '../base/database-time.ts';
import { DAY_MS } from '../base/time.ts';
import { STATUSES, type Status, toStatus, WORKING_STATES } from './states.ts';

/** Counts the creator's posts of the last 24 hours, without those that failed or were cancelled. */
export async function countRecentJobs(db: Knex, creatorId: string): Promise<number> {
  const row = await db('jobs')
    .where({ creator_id: creatorId })
    .whereNotIn('state', ['failed', 'cancelled'])
    .where('send_at', '>', sqlFromNow(db, -DAY_MS))
    .where('send_at', '<=', db.fn.now())
    .count('* as count')
    .first();
  return Number(row?.['count'] ?? 0);
}

/** Counts the creator's jobs that have not ended. */
export async function countWorking(db: Knex, creatorId: string): Promise<number> {
  const row = await db('jobs')
    .where({ creator_id: creatorId })
    .whereIn('state', WORKING_STATES)
    .count('* as count')
    .first();
  return Number(row?.['count'] ?? 0);
}

/** Counts the creator's posts by public status, and leaves out a status without posts. */
export async function countByStatus(
  db: Knex,
  creatorId: string,
): Promise<{ status: Status; count: number }[]> {
  const rows = await db('jobs')
    .where({ creator_id: creatorId })
    .groupByRaw('state, send_at > now() or waiting_code is not null')
    .select('state', db.raw('max(send_at) as send_at'), db.raw('count(*)::int as count'))
    .select(db.raw('max(waiting_code) as waiting_code'));
  const counts = new Map<Status, number>();
  for (const { count, ...job } of rows) {
    counts.set(toStatus(job), (counts.get(toStatus(job)) ?? 0) + count);
  }
  return STATUSES.flatMap((status) => {
    const count = counts.get(status);
    return count ? [{ status, count }] : [];
  });
}

export async function countByState(db: Knex): Promise<Map<string, number>> {
  const rows = await db('jobs').groupBy('state').select('state').count('* as count');
  return new Map(rows.map((row) => [String(row['state']), Number(row['count'])]));
}

/** Returns by how many seconds the most overdue job that is ready to be sent is late; 0 for none. */
export async function measureOverdue(db: Knex): Promise<number> {
  const row = await db('jobs')
    .where({ state: 'ready', permission_lost_at: null })
    .where('send_at', '<', db.fn.now())
    .first(db.raw('extract(epoch from now() - min(send_at))::float as seconds'));
  return row?.seconds ?? 0;
}
