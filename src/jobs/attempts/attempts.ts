// The attempts to publish a job: one row each, written before and after everything TikTok is told.
import type { Knex } from 'knex';
import type { Context } from '../../context/context.ts';
import { assertNotSuspended } from '../../creators/rules.ts';
import type { PublishStatus } from '../../tiktok/client.ts';
import { QUOTA_REFUSALS } from '../../tiktok/error-table.ts';
import type { Attempt, Patch } from '../job.ts';
import type { Fenced } from '../run/fence.ts';
import { choosePatience } from '../waiting.ts';
import type { WaitingCode } from '../waiting-codes.ts';
import {
  findDoubtful,
  judgeStatus,
  reopenAttempt,
  ruleOutAttempts,
  type Verdict,
} from './doubt.ts';
import { removeLinks } from './links.ts';

/** What attempts of videos and of photos share. Every write throws LostJob without the fence. */
export interface Attempts {
  /** The attempt that is not closed, if any. */
  current(): Promise<Attempt | null>;
  /** How many attempts there were that TikTok took up, since the creator last said "try again". */
  count(): Promise<number>;
  /** The clock of a job that TikTok failed because of a cap: it began with the first such failure. */
  capped(code: WaitingCode): Promise<NonNullable<Patch['waiting']> & { isOver: boolean }>;
  /** Begins one. Throws `forbidden` when the operator has suspended the account since. */
  intend(bytes: number): Promise<Attempt>;
  /** Closes the open one. */
  close(end: AttemptEnd): Promise<void>;
  /** Those that may have been posted although they are closed. */
  doubtful(): Promise<Attempt[]>;
  /** What TikTok's status says of a marked attempt. */
  judge(attempt: Attempt, status: PublishStatus): Verdict;
  /** TikTok has said that nothing came of this one. */
  ruleOut(attempt: Attempt): Promise<void>;
  /** Goes back to a closed attempt, since TikTok goes on with it: only its end is asked for now. */
  resume(attempt: Attempt): Promise<void>;
}

/** How an attempt ended whose photos nobody fetched. */
export const NEVER_FETCHED = 'never_fetched';

export function createAttempts({ db, secrets, config }: Context, run: Fenced): Attempts {
  const { id: jobId, creator_id } = run.job;
  return {
    async current() {
      const row = await db('publish_attempts').where({ job_id: jobId, closed_at: null }).first();
      if (!row?.upload_url) return row ?? null;
      return { ...row, upload_url: secrets.open(row.upload_url, nameSeal(row)) };
    },
    async count() {
      // What TikTok took up has its id. A refusal that asks for patience is no attempt at all.
      const row = await sinceRetried(db, jobId)
        .whereNotNull('publish_id')
        .whereRaw('(outcome is null or outcome <> all(?))', [QUOTA_REFUSALS])
        .count('* as count')
        .first();
      return Number(row?.['count'] ?? 0);
    },
    async capped(code) {
      const row = await sinceRetried(db, jobId)
        .whereRaw('outcome = any(?)', [QUOTA_REFUSALS])
        .first(
          db.raw('coalesce(min(closed_at), clock_timestamp()) as since'),
          db.raw('clock_timestamp() as now'),
        );
      const givesUpAt = new Date(row.since.getTime() + choosePatience(config, code));
      return { code, since: row.since, givesUpAt, isOver: givesUpAt <= row.now };
    },
    intend: (bytes) =>
      run.withFence(async (trx) => {
        await assertNotSuspended(trx, creator_id);
        const last = await trx('publish_attempts')
          .where({ job_id: jobId })
          .max('number as number')
          .first();
        const number = Number(last?.['number'] ?? 0) + 1;
        const [row] = await trx('publish_attempts')
          .insert({ job_id: jobId, number, bytes })
          .returning('*');
        return row;
      }),
    close: (end) => run.withFence((trx) => closeAttempts(trx, [jobId], end)),
    doubtful: async () => (await findDoubtful(db, jobId)).filter(({ closed_at }) => closed_at),
    judge: judgeStatus,
    ruleOut: (attempt) => run.withFence((trx) => ruleOutAttempts(trx, [attempt.id])),
    resume: (attempt) => run.withFence((trx) => reopenAttempt(trx, jobId, attempt)),
  };
}

function sinceRetried(db: Knex, jobId: string): Knex.QueryBuilder {
  const again = db('job_events').where({ job_id: jobId, name: 'retried' }).max('at');
  return db('publish_attempts')
    .where({ job_id: jobId })
    .whereRaw("intended_at > coalesce((?), '-infinity')", [again]);
}

/** What the attempt's sealed upload address is bound to. */
export function nameSeal({ id }: Pick<Attempt, 'id'>): string {
  return `publish_attempts.upload_url:${id}`;
}

export async function updateAttempt(
  trx: Knex,
  { id }: Attempt,
  changes: Record<string, unknown>,
): Promise<Attempt> {
  const [row] = await trx('publish_attempts').where({ id }).update(changes).returning('*');
  return row;
}

/** Sets the mark, from which on TikTok may post. Throws `forbidden` for a suspended account. */
export async function markAttempt(trx: Knex, creatorId: string, attempt: Attempt): Promise<void> {
  await assertNotSuspended(trx, creatorId);
  await updateAttempt(trx, attempt, { committed_at: trx.raw('coalesce(committed_at, now())') });
}

/** How an attempt ended. */
export interface AttemptEnd {
  outcome: string;
  /** Whether it is certain that nothing came of it: TikTok said so, or nobody could have posted it. */
  isRuledOut?: boolean;
}

/**
 * Closes whichever attempts of these jobs are open. The upload address, and what TikTok could pull
 * photos from, end with them.
 */
export async function closeAttempts(
  trx: Knex,
  jobIds: string[],
  { outcome, isRuledOut = false }: AttemptEnd,
): Promise<void> {
  await removeLinks(trx, jobIds);
  await trx('publish_attempts')
    .whereRaw('job_id = any(?)', [jobIds])
    .where({ closed_at: null })
    .update({
      ...{ closed_at: trx.fn.now(), outcome, upload_url: null },
      ...(isRuledOut ? { ruled_out_at: trx.fn.now() } : {}),
    });
}

/** Ends all attempts of a creator, and drops what TikTok gave them. */
export async function forgetAttempts(trx: Knex, creatorId: string): Promise<void> {
  const own = trx('jobs').where({ creator_id: creatorId }).select('id');
  await trx('photo_links').whereIn('job_id', own.clone()).delete();
  await trx('publish_attempts')
    .whereIn('job_id', own)
    .update({
      ...{ publish_id: null, told_publish_id: null, upload_url: null },
      closed_at: trx.raw('coalesce(closed_at, now())'),
      outcome: trx.raw("coalesce(outcome, 'authorization_removed')"),
    });
}

/** Whether the last byte may have left: from then on only TikTok's FAILED ends the job as failed. */
export async function isCommitted(trx: Knex, jobId: string): Promise<boolean> {
  const marked = await trx('publish_attempts')
    .where({ job_id: jobId, closed_at: null })
    .whereNotNull('committed_at')
    .first('id');
  return marked !== undefined;
}
