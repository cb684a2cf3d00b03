// Ends restored posts that may have been made since the backup, so that none is posted twice.
import type pg from 'pg';
import { quoted } from '../../src/base/database.ts';
import { CANCELLABLE_STATES, WORKING_STATES } from '../../src/jobs/states.ts';
import { SINCE_LOST } from '../../src/jobs/whether-posted.ts';

export interface Settled {
  /** Posts that may have been made; their creators are asked. */
  unconfirmed: number;
  /** Posts that the replaced database knows to be still to come. */
  scheduled: number;
  /** Posts that were cancelled after the backup. */
  cancelled: number;
}

export interface Restored {
  /** Where the restored tables are. */
  schema: string;
  madeAt: Date;
  /** How far the replaced database had come, as the storage says. */
  position: number;
}

/**
 * Settles restored posts, since the backup does not know what happened after it was made: a post whose
 * time is still to come can have been moved earlier and made. Only the replaced database knows, if it
 * is there and not older itself. What it has as not sent stays, and what it has as cancelled is
 * cancelled; every other post ends as unconfirmed, and its creator says which it was. One that had failed
 * becomes unconfirmed when somebody wants to try it again.
 */
export async function settleRestored(client: pg.Client, restored: Restored): Promise<Settled> {
  const jobs = `${quoted(restored.schema)}.jobs`;
  const known = (await knowsJobs(client, restored)) ? KNOWN : NOTHING_KNOWN;
  const settle = async (change: string, where: string, details: Record<string, unknown>) => {
    const { rowCount } = await client.query(
      `with settled as (
         update ${jobs} as jobs set ${change}, run_token = null, progress = null, updated_at = now()
          where state = any ($1) and ${where} returning id)
       insert into ${quoted(restored.schema)}.job_events (job_id, name, details)
       select id, 'restored', $2 from settled`,
      [WORKING_STATES, JSON.stringify({ made_at: restored.madeAt.toISOString(), ...details })],
    );
    return rowCount ?? 0;
  };
  const cancelled = await settle(`state = 'cancelled', finished_at = now()`, known.isCancelled, {});
  const unconfirmed = await settle(
    `state = 'unconfirmed', finished_at = now(),
     error = ${client.escapeLiteral(JSON.stringify(SINCE_LOST))}`,
    `not (${known.isUnsent} and send_at > now())`,
    { may_be_posted: true },
  );
  await markOpened(client, restored.schema);
  await tellFailed(client, restored, known.isEnded);
  return { cancelled, unconfirmed, scheduled: await settle('state = state', 'true', {}) };
}

/** An attempt that was open then may have sent its last byte since, so TikTok is asked about it. */
async function markOpened(client: pg.Client, schema: string): Promise<void> {
  await client.query(
    `update ${quoted(schema)}.publish_attempts set committed_at = now()
      where closed_at is null and committed_at is null and publish_id is not null`,
  );
}

/** A post that had failed may have been tried again and made since: a retry asks its creator first. */
async function tellFailed(
  client: pg.Client,
  { schema, madeAt }: Restored,
  isEnded: string,
): Promise<void> {
  await client.query(
    `insert into ${quoted(schema)}.job_events (job_id, name, details)
     select id, 'restored', $1 from ${quoted(schema)}.jobs as jobs
      where state = 'failed' and not ${isEnded}`,
    [JSON.stringify({ made_at: madeAt.toISOString(), may_be_posted: true })],
  );
}

/** SQL conditions on a restored job, by what the replaced database has of it. */
const KNOWN = {
  isUnsent: findKnown(
    `known.state in (${listLiterals(CANCELLABLE_STATES)}) and known.state <> 'sending'
       and known.permission_lost_at is null`,
  ),
  isCancelled: findKnown(`known.state = 'cancelled'`),
  isEnded: findKnown(`known.state in ('failed', 'cancelled')`),
};
const NOTHING_KNOWN = { isUnsent: 'false', isCancelled: 'false', isEnded: 'false' };

/** Without a mark of which no end is certain: then nobody knows more than the job's state says. */
function findKnown(condition: string): string {
  return `exists (
    select from public.jobs known where known.id = jobs.id and ${condition}
       and not exists (
         select from public.publish_attempts attempts
          where attempts.job_id = known.id and attempts.committed_at is not null
            and attempts.ruled_out_at is null))`;
}

function listLiterals(states: readonly string[]): string {
  return states.map((state) => `'${state}'`).join(', ');
}

/**
 * Whether the replaced database can tell: it is there, the storage knows of no later one, and nothing
 * in the backup is newer.
 */
async function knowsJobs(client: pg.Client, { schema, position }: Restored): Promise<boolean> {
  const { rows } = await client.query(`select to_regclass('public.jobs') is not null as is_there`);
  if (!rows[0].is_there) return false;
  const { rows: found } = await client.query(
    `select coalesce((select number from public.database_position), 0) >= $1
        and (select max(updated_at) from public.jobs)
          >= (select max(updated_at) from ${quoted(schema)}.jobs) as is_so`,
    [position],
  );
  return found[0].is_so === true;
}
