// Attempts that may have been posted: which those are, and what TikTok's answer about one means.
import type { Knex } from 'knex';
import { measureSince } from '../../base/database-time.ts';
import { HOUR_MS, MINUTE_MS } from '../../base/time.ts';
import type { PublishStatus } from '../../tiktok/client.ts';
import type { Attempt } from '../job.ts';

/**
 * TikTok takes bytes for one hour; a minute more, for the difference of the clocks.
 * https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
 */
const ADDRESS_DEAD_MS = HOUR_MS + MINUTE_MS;

/**
 * `posted`: it is on TikTok, or in the inbox. `nothing`: TikTok says that nothing came of it.
 * `incomplete`: its address has expired, and TikTok lacks bytes. `under_way`: it may still come.
 */
export type Verdict = 'posted' | 'nothing' | 'incomplete' | 'under_way';

/** Returns what TikTok's status says of a marked attempt. */
export function judgeStatus(attempt: Attempt, status: PublishStatus): Verdict {
  if (status.status === 'PUBLISH_COMPLETE' || status.status === 'SEND_TO_USER_INBOX')
    return 'posted';
  if (status.status === 'FAILED') return 'nothing';
  const isBehind = status.uploaded_bytes !== null && status.uploaded_bytes < attempt.bytes;
  // A complete upload answers 404 too, and the count of bytes may lag behind it.
  const mayBeWhole = attempt.answered_404_at !== null || !isBehind;
  if (status.status !== 'PROCESSING_UPLOAD' || mayBeWhole) return 'under_way';
  const isDead = !attempt.opened_at || measureSince(attempt.opened_at) > ADDRESS_DEAD_MS;
  return isDead ? 'incomplete' : 'under_way';
}

/** Returns the job's attempts that have the mark and of which no end is certain, oldest first. */
export async function findDoubtful(db: Knex, jobId: string): Promise<Attempt[]> {
  return db('publish_attempts')
    .where({ job_id: jobId, ruled_out_at: null })
    .whereNotNull('committed_at')
    .orderBy('number');
}

/** Whether an attempt of the job may have been posted, as far as is known. */
export async function isDoubtful(db: Knex, jobId: string): Promise<boolean> {
  return (await findDoubtful(db, jobId)).length > 0;
}

/** Writes down that nothing came of these attempts. */
export async function ruleOutAttempts(trx: Knex, ids: string[]): Promise<void> {
  await trx('publish_attempts')
    .whereRaw('id = any(?)', [ids])
    .where({ ruled_out_at: null })
    .update({ ruled_out_at: trx.fn.now() });
}

/** Takes a closed attempt up again in place of the one that is open, if any. */
export async function reopenAttempt(
  trx: Knex,
  jobId: string,
  { id }: Pick<Attempt, 'id'>,
): Promise<void> {
  await trx('publish_attempts')
    .where({ job_id: jobId, closed_at: null })
    .update({ closed_at: trx.fn.now(), outcome: 'superseded', upload_url: null });
  // TikTok's day to tell how it ended begins anew.
  await trx('publish_attempts')
    .where({ id })
    .update({ closed_at: null, outcome: null, sent_at: trx.fn.now() });
}

/**
 * Sets the mark of every opened attempt of these jobs: this database does not know whether its last
 * byte was sent.
 */
export async function markOpened(trx: Knex, jobIds: string[]): Promise<void> {
  await trx('publish_attempts')
    .whereRaw('job_id = any(?)', [jobIds])
    .where({ closed_at: null, committed_at: null })
    .whereNotNull('publish_id')
    .update({ committed_at: trx.fn.now() });
}
