// The publish ledger of photos: TikTok pulls them, so that the mark stands before init and the links tell what happened.
import type { Knex } from 'knex';
import type { Context } from '../../context/context.ts';
import { assertNotSuspended } from '../../creators/rules.ts';
import type { Attempt, Job } from '../job.ts';
import { insertEvent, queueNext } from '../store.ts';
import { closeAttempts, fencedUpdate, withFence } from '../transitions.ts';
import { type LinkedFile, mayBeFetched, removeLinks, replaceLinks } from './links.ts';

/** Every write is fenced, as the rest of the ledger's. */
export interface PhotoLedger {
  /**
   * The mark, immediately before init: from here on the post may be made. Answers the addresses that
   * TikTok is to pull from, new ones for this attempt; the job is `sending`. Throws `forbidden` as intend.
   */
  mark(attempt: Attempt, files: LinkedFile[]): Promise<string[]>;
  /** TikTok has taken the post and pulls. */
  answered(attempt: Attempt, publishId: string): Promise<void>;
  /** TikTok said no to init: the attempt is over, and the job `ready` again. */
  refused(attempt: Attempt, outcome: string): Promise<void>;
  /**
   * Takes back an attempt whose init has no answer. True: no photo was fetched, and from this commit on
   * none can be, so that another attempt is safe. False: some was, and nothing is changed.
   */
  withdraw(attempt: Attempt): Promise<boolean>;
  /** Some was fetched: notes since when TikTok's word is waited for. */
  unanswered(attempt: Attempt): Promise<Attempt & { unanswered_at: Date }>;
}

/** How an attempt ended that nobody came for; those do not count against the attempts of a job. */
export const NEVER_FETCHED = 'never_fetched';

export function createPhotoLedger(ctx: Context, holder: { job: Job }): PhotoLedger {
  const { db, config } = ctx;
  const fenced = <T>(work: (trx: Knex) => Promise<T>) => withFence(db, holder.job, work);

  async function backToReady(trx: Knex, outcome: string): Promise<Job> {
    await closeAttempts(trx, holder.job.id, outcome);
    return fencedUpdate(trx, holder.job, { state: 'ready' });
  }

  return {
    async mark(attempt, files) {
      const marked = await fenced(async (trx) => {
        await assertNotSuspended(trx, holder.job.creator_id);
        const tokens = await replaceLinks(trx, holder.job.id, files);
        await trx('publish_attempts')
          .where({ id: attempt.id })
          .update({ committed_at: trx.fn.now() });
        return { tokens, job: await fencedUpdate(trx, holder.job, { state: 'sending' }) };
      });
      holder.job = marked.job;
      return marked.tokens.map((token) => `${config.PUBLIC_URL}/photos/${token}`);
    },
    async answered(attempt, publishId) {
      holder.job = await fenced(async (trx) => {
        await trx('publish_attempts').where({ id: attempt.id }).update({
          publish_id: publishId,
          opened_at: trx.fn.now(),
          sent_at: trx.fn.now(),
          bytes_acknowledged: attempt.bytes,
        });
        await insertEvent(trx, holder.job.id, 'opened', { attempt: attempt.number, pulls: true });
        return fencedUpdate(trx, holder.job, { publish_id: publishId });
      });
    },
    async refused(_attempt, outcome) {
      holder.job = await fenced((trx) => backToReady(trx, outcome));
    },
    async withdraw() {
      const job = await fenced(async (trx) => {
        if (await mayBeFetched(trx, holder.job.id)) return null;
        await removeLinks(trx, holder.job.id);
        return backToReady(trx, NEVER_FETCHED);
      });
      if (job) holder.job = job;
      return job !== null;
    },
    async unanswered(attempt) {
      return fenced(async (trx) => {
        const [row] = await trx('publish_attempts')
          .where({ id: attempt.id })
          .update({ unanswered_at: trx.raw('coalesce(unanswered_at, now())') })
          .returning('*');
        return row;
      });
    },
  };
}

/**
 * TikTok told of a post by an id that we do not have. Where exactly one init of the creator's photos is
 * without an answer, it is that one's; its job asks on. Those taken back count too, since TikTok tells how
 * they failed, and those whose end the creator told. Answers the job, or undefined when nothing can be said for sure.
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
