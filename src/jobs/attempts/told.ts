// What TikTok tells of a post by itself: it brings the job's next question forward.
import type { Knex } from 'knex';
import { CANCELLABLE_STATES } from '../states.ts';
import { insertEvent, queueNext, updateLockedJob } from '../store.ts';
import { isCommitted, NEVER_FETCHED } from './attempts.ts';
import { reopenAttempt } from './doubt.ts';
import { removeLinks } from './links.ts';

/** What a webhook says of a post. Nothing of it is believed; TikTok is asked. */
export interface Told {
  open_id: string;
  publish_id: string;
  has_failed: boolean;
}

/** Returns the job that TikTok is asked about now, or undefined when none waits for this. */
export async function hearOfPost(db: Knex, told: Told): Promise<string | undefined> {
  const { open_id: openId, publish_id: publishId } = told;
  return (
    (await wakeConfirmation(db, openId, publishId)) ??
    // What failed needs to stop nothing.
    (told.has_failed ? undefined : await stopRetry(db, openId, publishId)) ??
    (await hearOfPhotos(db, openId, publishId))
  );
}

/**
 * Brings the next question about a sent post forward, when TikTok says that something changed. The
 * post must be that account's own; returns its job, or undefined when there is none waiting.
 */
export async function wakeConfirmation(
  db: Knex,
  openId: string,
  publishId: string,
): Promise<string | undefined> {
  return db.transaction(async (trx) => {
    const job = await trx('jobs')
      .join('publish_attempts as attempts', 'attempts.job_id', 'jobs.id')
      .join('creators', 'creators.id', 'jobs.creator_id')
      .where({ 'attempts.publish_id': publishId, 'attempts.closed_at': null })
      .where({ 'creators.open_id': openId, 'jobs.state': 'sent' })
      .forUpdate('jobs')
      .first('jobs.*');
    if (job) await queueNext(trx, job);
    return job?.id;
  });
}

/**
 * TikTok tells of an attempt that was given up, e.g. since the creator said that it was not posted. A
 * retry without a mark of its own stops, and TikTok is asked about the earlier attempt.
 */
async function stopRetry(db: Knex, openId: string, publishId: string): Promise<string | undefined> {
  return db.transaction(async (trx) => {
    const found = await trx('jobs')
      .join('publish_attempts as attempts', 'attempts.job_id', 'jobs.id')
      .join('creators', 'creators.id', 'jobs.creator_id')
      .where({ 'attempts.publish_id': publishId, 'creators.open_id': openId })
      .whereIn('jobs.state', [...CANCELLABLE_STATES])
      .forUpdate('jobs')
      .first('jobs.id');
    return found && resumeGivenUp(trx, found.id, { publish_id: publishId });
  });
}

/** The caller has locked the job. Returns its id, or undefined when nothing can be stopped. */
async function resumeGivenUp(
  trx: Knex,
  jobId: string,
  attemptOf: { publish_id: string } | { id: string },
): Promise<string | undefined> {
  const attempt = await trx('publish_attempts')
    .where({ job_id: jobId, ruled_out_at: null, ...attemptOf })
    .whereNotNull('committed_at')
    .whereNotNull('closed_at')
    .first();
  if (!attempt || (await isCommitted(trx, jobId))) return undefined;
  await removeLinks(trx, [jobId]);
  await reopenAttempt(trx, jobId, attempt);
  const { publish_id } = attempt;
  const asking = { state: 'sent', publish_id, run_token: null, progress: null };
  const job = await updateLockedJob(trx, jobId, { ...asking, faults: 0, waiting_since: null });
  await insertEvent(trx, jobId, 'told');
  await queueNext(trx, job);
  return jobId;
}

/**
 * TikTok told of a post by an id that we do not have. Where exactly one init of the creator's photos is
 * without an answer, it is that one's; its job asks on. Those taken back count too, since TikTok tells how
 * they failed, and those whose end the creator told. Returns the job, or undefined when nothing
 * can be said for sure.
 */
export async function hearOfPhotos(
  db: Knex,
  openId: string,
  publishId: string,
): Promise<string | undefined> {
  // Videos, whose unanswered inits never get a byte and lapse by themselves.
  if (/^v_(pub|inbox)_file/.test(publishId)) return undefined;
  return db.transaction(async (trx) => {
    const unanswered = await trx('publish_attempts as attempts')
      .join('jobs', 'jobs.id', 'attempts.job_id')
      .join('creators', 'creators.id', 'jobs.creator_id')
      .where({ 'creators.open_id': openId, 'jobs.kind': 'photo', 'attempts.publish_id': null })
      // TikTok tells for three days: https://developers.tiktok.com/doc/webhooks-overview/
      .whereRaw("attempts.committed_at > now() - interval '73 hours'")
      .whereRaw(
        "(attempts.closed_at is null or attempts.outcome = ? or attempts.outcome like 'resolved:%')",
        [NEVER_FETCHED],
      )
      .whereNotExists(trx('publish_attempts').where({ publish_id: publishId }))
      .forUpdate('jobs')
      .select('attempts.*', 'jobs.state', 'jobs.creator_id', 'jobs.send_at');
    const [one, ...others] = unanswered;
    if (!one || others.length > 0) return undefined;
    if (one.closed_at) return hearOfGivenUp(trx, one, publishId);
    await trx('publish_attempts')
      .where({ id: one.id, told_publish_id: null })
      .update({ told_publish_id: publishId });
    // A run that still waits for init's answer goes on by itself.
    if (one.unanswered_at) await queueNext(trx, { ...one, id: one.job_id });
    return one.job_id;
  });
}

/** The creator had said that these photos were not posted, and tries again: that stops first. */
async function hearOfGivenUp(
  trx: Knex,
  {
    id,
    job_id,
    state,
    ruled_out_at,
  }: { id: string; job_id: string; state: string; ruled_out_at: Date | null },
  publishId: string,
): Promise<string | undefined> {
  const isRetried = (CANCELLABLE_STATES as readonly string[]).includes(state);
  if (!isRetried || ruled_out_at || (await isCommitted(trx, job_id))) return undefined;
  await trx('publish_attempts').where({ id }).update({ publish_id: publishId });
  return resumeGivenUp(trx, job_id, { id });
}
