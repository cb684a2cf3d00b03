// The SQL that lists jobs by status and page, and finds the files that show them.
import type { Knex } from 'knex';
import type { Cursor } from '../web/cursor.ts';
import type { Job, StoredFile } from './job.ts';
import {
  ALL_STATES,
  CANCELLABLE_STATES,
  STATES,
  type Status,
  toStatus,
  WORKING_STATES,
} from './states.ts';

export interface JobFilter {
  status?: Status | undefined;
  /** Where the previous page ended. */
  after?: Cursor | undefined;
  limit: number;
}

/** Returns the jobs of a creator, newest first; `listed_at` is their place for a cursor. */
export async function listJobs(
  db: Knex,
  creatorId: string,
  filter: JobFilter,
): Promise<(Job & { listed_at: string })[]> {
  const query = db('jobs')
    .where({ creator_id: creatorId })
    .select('*', db.raw('created_at::text as listed_at'));
  if (filter.status) whereStatus(query, filter.status);
  if (filter.after) {
    const { listedAt, id } = filter.after;
    query.whereRaw('(created_at, id) < (?::timestamptz, ?)', [listedAt, id]);
  }
  return query
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(filter.limit);
}

/** Returns for each video the file that is still stored: the one for TikTok, else the upload. */
export async function listStoredVideos(db: Knex, jobIds: string[]): Promise<StoredFile[]> {
  return db('jobs')
    .leftJoin('media as output', 'output.storage_key', 'jobs.output_key')
    .leftJoin('media as source', 'source.storage_key', 'jobs.source_key')
    .whereIn('jobs.id', jobIds)
    .select('jobs.id as job_id')
    .select(db.raw('coalesce(output.storage_key, source.storage_key) as storage_key'));
}

/** Returns the posts that wait for their creator to agree again, the next ones first. */
export async function listHeld(db: Knex, creatorId: string, limit: number): Promise<Job[]> {
  return listWithoutPermission(db, creatorId, limit).whereIn('state', [...CANCELLABLE_STATES]);
}

/** Returns the posts that were cancelled because the permission was gone. */
export async function listCancelledPlans(
  db: Knex,
  creatorId: string,
  limit: number,
): Promise<Job[]> {
  return listWithoutPermission(db, creatorId, limit).where({ state: 'cancelled' });
}

function listWithoutPermission(db: Knex, creatorId: string, limit: number): Knex.QueryBuilder {
  return db('jobs')
    .where({ creator_id: creatorId })
    .whereNotNull('permission_lost_at')
    .orderBy(['send_at', 'id'])
    .limit(limit);
}

/** Returns the scheduled job whose time comes first, of those that go out by themselves. */
export async function findNextScheduled(db: Knex, creatorId: string): Promise<Job | undefined> {
  const query = db('jobs').where({ creator_id: creatorId, permission_lost_at: null });
  whereStatus(query, 'scheduled');
  return query.orderBy('send_at').first();
}

/** The public status derives from state and time, in SQL as in `toStatus`. */
function whereStatus(query: Knex.QueryBuilder, status: Status): void {
  const waiting = ALL_STATES.filter(
    (state) =>
      STATES[state] &&
      toStatus({ state, send_at: new Date(8.64e15), waiting_code: null }) === 'scheduled',
  );
  if (status === 'scheduled') {
    query
      .whereIn('state', waiting)
      .where((still) => still.whereRaw('send_at > now()').orWhereNotNull('waiting_code'));
  } else if (status === 'running') {
    query.where((either) =>
      either
        .whereIn(
          'state',
          WORKING_STATES.filter((state) => !waiting.includes(state)),
        )
        .orWhere((early) =>
          early.whereIn('state', waiting).whereRaw('send_at <= now()').whereNull('waiting_code'),
        ),
    );
  } else query.where('state', status);
}
