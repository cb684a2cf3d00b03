// What TikTok tells of a post by itself: it brings the job's next question forward.
import type { Knex } from 'knex';
import { queueNext } from '../store.ts';
import { NEVER_FETCHED } from './attempts.ts';

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
    if (!one || others.length > 0 || one.closed_at) return undefined;
    await trx('publish_attempts')
      .where({ id: one.id, told_publish_id: null })
      .update({ told_publish_id: publishId });
    // A run that still waits for init's answer goes on by itself.
    if (one.unanswered_at) await queueNext(trx, { ...one, id: one.job_id });
    return one.job_id;
  });
}
