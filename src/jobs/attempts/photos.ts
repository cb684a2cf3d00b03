// Attempts to publish photos: TikTok pulls them, so the mark stands before the init call.
import type { Knex } from 'knex';
import type { Context } from '../../context/context.ts';
import type { Attempt } from '../job.ts';
import type { Fenced, FencedRow } from '../run/fence.ts';
import { insertEvent } from '../store.ts';
import {
  type Attempts,
  closeAttempts,
  createAttempts,
  markAttempt,
  NEVER_FETCHED,
  updateAttempt,
} from './attempts.ts';
import { type LinkedFile, mayBeFetched, replaceLinks } from './links.ts';

export interface PhotoAttempts extends Attempts {
  kind: 'photo';
  /**
   * The mark, immediately before init: from here on the post may be made. Returns the addresses that
   * TikTok is to pull from, new ones for this attempt; the job is `sending`. Throws as intend.
   */
  mark(attempt: Attempt, files: LinkedFile[]): Promise<string[]>;
  /** TikTok has taken the post and pulls. */
  answered(attempt: Attempt, publishId: string): Promise<void>;
  /** TikTok said no to init: the attempt is over, and the job `ready` again. */
  refused(outcome: string): Promise<void>;
  /**
   * Takes back the open attempt, whose init has no answer. True: no photo was fetched, and from this commit on
   * none can be, so that another attempt is safe. False: some was, and nothing is changed.
   */
  withdraw(): Promise<boolean>;
  /** Some was fetched: notes since when TikTok's word is waited for. */
  unanswered(attempt: Attempt): Promise<Attempt & { unanswered_at: Date }>;
}

export function createPhotoAttempts(ctx: Context, run: Fenced): PhotoAttempts {
  const { id: jobId, creator_id } = run.job;

  async function backToReady(trx: Knex, row: FencedRow, outcome: string) {
    await closeAttempts(trx, [jobId], { outcome, isRuledOut: true });
    await row.update({ state: 'ready' });
  }

  return {
    ...createAttempts(ctx, run),
    kind: 'photo',
    async mark(attempt, files) {
      const tokens = await run.withFence(async (trx, row) => {
        await markAttempt(trx, creator_id, attempt);
        await row.update({ state: 'sending' });
        return replaceLinks(trx, jobId, files);
      });
      await ctx.continuity.secure();
      return tokens.map((token) => `${ctx.config.PUBLIC_URL}/photos/${token}`);
    },
    answered: (attempt, publishId) =>
      run.withFence(async (trx, row) => {
        await recordAnswer(trx, attempt, publishId);
        await insertEvent(trx, jobId, 'opened', { attempt: attempt.number, pulls: true });
        await row.update({ publish_id: publishId });
      }),
    refused: (outcome) => run.withFence((trx, row) => backToReady(trx, row, outcome)),
    withdraw: () =>
      run.withFence(async (trx, row) => {
        if (await mayBeFetched(trx, jobId)) return false;
        await backToReady(trx, row, NEVER_FETCHED);
        return true;
      }),
    unanswered: (attempt) => run.withFence((trx) => recordSilence(trx, attempt)),
  };
}

async function recordAnswer(trx: Knex, attempt: Attempt, publishId: string): Promise<void> {
  await updateAttempt(trx, attempt, {
    publish_id: publishId,
    opened_at: trx.fn.now(),
    sent_at: trx.fn.now(),
    bytes_acknowledged: attempt.bytes,
  });
}

async function recordSilence(
  trx: Knex,
  attempt: Attempt,
): Promise<Attempt & { unanswered_at: Date }> {
  const unansweredAt = trx.raw('coalesce(unanswered_at, now())');
  return (await updateAttempt(trx, attempt, { unanswered_at: unansweredAt })) as Attempt & {
    unanswered_at: Date;
  };
}
