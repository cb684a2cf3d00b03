// Attempts to publish a video: we send the bytes, so the mark stands before the last of them.
import type { Context } from '../../context/context.ts';
import type { Attempt } from '../job.ts';
import type { Fenced } from '../run/fence.ts';
import { insertEvent } from '../store.ts';
import { type Attempts, createAttempts, markAttempt, nameSeal, updateAttempt } from './attempts.ts';

export interface Opening {
  publish_id: string;
  upload_url: string;
  chunk_bytes: number;
  chunk_count: number;
}

export interface VideoAttempts extends Attempts {
  kind: 'video';
  /** Commits publish_id and upload_url, before the first byte; the job is `sending` from here. */
  open(attempt: Attempt, opening: Opening): Promise<Attempt>;
  /** Notes how many bytes TikTok has taken. */
  acknowledge(attempt: Attempt, bytes: number): Promise<void>;
  /**
   * The mark, immediately before the last byte: after it nothing can be cancelled. It is durable, also
   * if the database is replaced by one that lags. Called again, e.g. after a crash, it makes sure of
   * that. Throws as intend.
   */
  commit(attempt: Attempt): Promise<void>;
  /** After the mark TikTok no longer knew the address: from now on TikTok is only asked. */
  answered404(attempt: Attempt): Promise<void>;
  /** Every byte is with TikTok. */
  sent(attempt: Attempt): Promise<void>;
}

export function createVideoAttempts(ctx: Context, run: Fenced): VideoAttempts {
  const { secrets } = ctx;
  const { id: jobId, creator_id } = run.job;
  const update = (attempt: Attempt, changes: Record<string, unknown>) =>
    run.withFence(async (trx) => {
      await updateAttempt(trx, attempt, changes);
    });
  return {
    ...createAttempts(ctx, run),
    kind: 'video',
    open: (attempt, opening) =>
      run.withFence(async (trx, row) => {
        const { upload_url, publish_id } = opening;
        const opened = await updateAttempt(trx, attempt, {
          ...opening,
          upload_url: secrets.seal(upload_url, nameSeal(attempt)),
          opened_at: trx.fn.now(),
        });
        await row.update({ state: 'sending', publish_id });
        await insertEvent(trx, jobId, 'opened', { attempt: attempt.number });
        return { ...opened, upload_url };
      }),
    acknowledge: (attempt, bytes) => update(attempt, { bytes_acknowledged: bytes }),
    async commit(attempt) {
      if (!attempt.committed_at) {
        await run.withFence((trx) => markAttempt(trx, creator_id, attempt));
      }
      await ctx.continuity.secure();
    },
    answered404: (attempt) => update(attempt, { answered_404_at: ctx.db.fn.now() }),
    sent: (attempt) =>
      update(attempt, { sent_at: ctx.db.fn.now(), bytes_acknowledged: attempt.bytes }),
  };
}
