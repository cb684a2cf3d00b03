// The publish ledger: one row per attempt, written before and after everything TikTok is told.
import type { Knex } from 'knex';
import type { Context } from '../../context/context.ts';
import { assertNotSuspended } from '../../creators/rules.ts';
import type { Attempt, Job } from '../job.ts';
import { insertEvent } from '../store.ts';
import { fencedUpdate, withFence } from '../transitions.ts';
import { createPhotoLedger, NEVER_FETCHED, type PhotoLedger } from './photos.ts';

export interface Opening {
  publish_id: string;
  upload_url: string;
  chunk_bytes: number;
  chunk_count: number;
}

/** Every write is fenced: it throws LostJob once another run, a cancellation or deletion has won. */
export interface Ledger extends PhotoLedger {
  /** The attempt that is not closed, if any. */
  current(): Promise<Attempt | null>;
  /** How many attempts there were that TikTok took up, since the creator last said "try again". */
  count(): Promise<number>;
  /** Throws `forbidden` when the operator has suspended the account since the post was accepted. */
  intend(bytes: number): Promise<Attempt>;
  /** Commits publish_id and upload_url, before the first byte; the job is `sending` from here. */
  open(attempt: Attempt, opening: Opening): Promise<Attempt>;
  acknowledge(attempt: Attempt, bytes: number): Promise<void>;
  /** The mark, immediately before the last byte: after it nothing can be cancelled. Throws as intend. */
  commit(attempt: Attempt): Promise<void>;
  sent(attempt: Attempt): Promise<void>;
  close(attempt: Attempt, outcome: string): Promise<void>;
}

/** The ledger as one run sees it; `holder.job` is kept up to date as the state moves to `sending`. */
export function createLedger(ctx: Context, holder: { job: Job }): Ledger {
  const { db, secrets } = ctx;
  const sealContext = (attemptId: string) => `publish_attempts.upload_url:${attemptId}`;
  const opened = (row: Attempt): Attempt => ({
    ...row,
    upload_url: row.upload_url && secrets.open(row.upload_url, sealContext(row.id)),
  });

  const fenced = <T>(work: (trx: Knex) => Promise<T>) => withFence(db, holder.job, work);
  const update = (attempt: Attempt, changes: Record<string, unknown>) =>
    fenced(async (trx) => {
      await trx('publish_attempts').where({ id: attempt.id }).update(changes);
    });

  return {
    ...createPhotoLedger(ctx, holder),
    async current() {
      const row = await db('publish_attempts')
        .where({ job_id: holder.job.id, closed_at: null })
        .first();
      return row ? opened(row) : null;
    },
    async count() {
      const jobId = holder.job.id;
      const again = db('job_events').where({ job_id: jobId, name: 'retried' }).max('at');
      const row = await db('publish_attempts')
        .where({ job_id: jobId })
        .whereRaw('outcome is distinct from ?', [NEVER_FETCHED])
        .whereRaw("intended_at > coalesce((?), '-infinity')", [again])
        .count('* as count')
        .first();
      return Number(row?.['count'] ?? 0);
    },
    async intend(bytes) {
      return fenced(async (trx) => {
        await assertNotSuspended(trx, holder.job.creator_id);
        const last = await trx('publish_attempts')
          .where({ job_id: holder.job.id })
          .max('number as number')
          .first();
        const number = Number(last?.['number'] ?? 0) + 1;
        const [row] = await trx('publish_attempts')
          .insert({ job_id: holder.job.id, number, bytes })
          .returning('*');
        return row;
      });
    },
    async open(attempt, opening) {
      const sealed = secrets.seal(opening.upload_url, sealContext(attempt.id));
      return fenced(async (trx) => {
        const [row] = await trx('publish_attempts')
          .where({ id: attempt.id })
          .update({ ...opening, upload_url: sealed, opened_at: trx.fn.now() })
          .returning('*');
        holder.job = await fencedUpdate(trx, holder.job, {
          state: 'sending',
          publish_id: opening.publish_id,
        });
        await insertEvent(trx, holder.job.id, 'opened', { attempt: attempt.number });
        return opened(row);
      });
    },
    acknowledge: (attempt, bytes) => update(attempt, { bytes_acknowledged: bytes }),
    async commit(attempt) {
      await fenced(async (trx) => {
        await assertNotSuspended(trx, holder.job.creator_id);
        await trx('publish_attempts')
          .where({ id: attempt.id })
          .update({ committed_at: trx.fn.now() });
      });
    },
    sent: (attempt) => update(attempt, { sent_at: db.fn.now(), bytes_acknowledged: attempt.bytes }),
    close: (attempt, outcome) =>
      update(attempt, { closed_at: db.fn.now(), outcome, upload_url: null }),
  };
}
