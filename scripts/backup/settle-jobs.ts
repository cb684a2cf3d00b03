// Ends restored posts that may have been made since the backup, so that none is posted twice.
import type pg from 'pg';
import { quoted } from '../../src/base/database.ts';
import type { JobError } from '../../src/jobs/job.ts';
import { WORKING_STATES } from '../../src/jobs/states.ts';

export interface Settled {
  /** Posts that may have been made; their creators are asked. */
  unconfirmed: number;
  /** Posts whose time is still to come. */
  scheduled: number;
}

const MAY_BE_POSTED: JobError = {
  code: 'unavailable',
  message:
    'This instance was restored from a backup that is older than this post’s time, so it may have been posted already.',
  tiktok: null,
};

// In these states bytes are on the way to TikTok; before them TikTok has none.
const SENDING = ['sending', 'sent'];

/**
 * Settles restored posts, since nobody knows what happened after the backup was made. A post that
 * was being sent then, or whose time has come since, may have been made: it ends as unconfirmed,
 * and its creator says which it was. A post whose time is still to come was not made and stays,
 * unless the replaced database knows that it was moved and ended. Each gets an event that says so.
 */
export async function settleJobs(
  client: pg.Client,
  schema: string,
  madeAt: Date,
): Promise<Settled> {
  const jobs = `${quoted(schema)}.jobs`;
  const events = `${quoted(schema)}.job_events`;
  const details = JSON.stringify({ made_at: madeAt.toISOString() });
  const { rowCount: unconfirmed } = await client.query(
    `with ended as (
       update ${jobs} as jobs
          set state = 'unconfirmed', error = $1, run_token = null, progress = null,
              finished_at = now(), updated_at = now()
        where state = any ($2)
          and (state = any ($3) or send_at <= now() or ${await endedSince(client)})
        returning id)
     insert into ${events} (job_id, name, details)
     select id, 'restored', $4::jsonb || '{"may_be_posted": true}' from ended`,
    [JSON.stringify(MAY_BE_POSTED), WORKING_STATES, SENDING, details],
  );
  const { rowCount: scheduled } = await client.query(
    `with kept as (
       update ${jobs} as jobs set run_token = null, progress = null, updated_at = now()
        where state = any ($1) returning id)
     insert into ${events} (job_id, name, details)
     select id, 'restored', $2 from kept`,
    [WORKING_STATES, details],
  );
  return { unconfirmed: unconfirmed ?? 0, scheduled: scheduled ?? 0 };
}

/**
 * Returns an SQL condition: the replaced database, if there is one, has the job as sending or
 * ended.
 */
async function endedSince(client: pg.Client): Promise<string> {
  const { rows } = await client.query(`select to_regclass('public.jobs') is not null as is_there`);
  if (!rows[0].is_there) return 'false';
  return `exists (
    select from public.jobs known
     where known.id = jobs.id and (known.state = any ($3) or known.state <> all ($2)))`;
}
