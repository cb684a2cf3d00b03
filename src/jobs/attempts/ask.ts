// Asks TikTok about a job's attempts before anybody's word is taken that nothing was posted.
import type { Knex } from 'knex';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { creatorTikTok } from '../../creators/tiktok.ts';
import { Later } from '../../queue/later.ts';
import type { PublishStatus } from '../../tiktok/client.ts';
import { TikTokError } from '../../tiktok/errors.ts';
import type { Attempt, Job } from '../job.ts';
import { lockJob } from '../store.ts';
import { endJob } from '../transitions.ts';
import { findDoubtful, judgeStatus, ruleOutAttempts } from './doubt.ts';

/** What was asked, so that the answer is used only while it is about all there is. */
export interface Asked {
  job: Pick<Job, 'id' | 'creator_id'>;
  attemptIds: string[];
}

/** The token and the answer together; a person waits for them. */
const WAIT_MS = 25_000;

/**
 * Asks about every attempt that may have been posted. Returns if TikTok has none of them. Where it
 * has one, the job is finished before this throws. No transaction is open meanwhile.
 *
 * @throws Problem `state_conflict` with what TikTok said; `unavailable` when it said nothing;
 *   `creator_disconnected`.
 */
export async function askTikTok(ctx: Context, job: Pick<Job, 'id' | 'creator_id'>): Promise<Asked> {
  const attempts = await findDoubtful(ctx.db, job.id);
  const tiktok = creatorTikTok(ctx, job.creator_id, AbortSignal.timeout(WAIT_MS));
  const ruledOut: string[] = [];
  for (const attempt of attempts) {
    // An init without an answer has no id to ask by: the creator alone can tell.
    if (!attempt.publish_id) continue;
    const status = await tiktok.status(attempt.publish_id).catch(toUnknown);
    const verdict = status ? judgeStatus(attempt, status) : 'nothing';
    if (verdict === 'nothing') ruledOut.push(attempt.id);
    if (verdict === 'posted') await finish(ctx, job, attempt, status as PublishStatus);
    if (verdict === 'under_way') throw underWay();
  }
  await ruleOutAttempts(ctx.db, ruledOut);
  return { job, attemptIds: attempts.map(({ id }) => id) };
}

/**
 * @throws Problem `state_conflict` when there is an attempt by now that was not asked about. The
 *   caller has locked the job.
 */
export async function assertUnchanged(trx: Knex, { job, attemptIds }: Asked): Promise<void> {
  const now = await findDoubtful(trx, job.id);
  if (now.every(({ id }) => attemptIds.includes(id))) return;
  throw underWay();
}

/** Returns null where TikTok does not know the id: nothing can come of that attempt. */
function toUnknown(error: unknown): null {
  if (error instanceof TikTokError && error.code === 'invalid_publish_id') return null;
  if (error instanceof Problem) throw error;
  if (error instanceof TikTokError || error instanceof Later || isTimeout(error)) {
    throw new Problem(
      'unavailable',
      'TikTok cannot be asked right now whether it has this post, and without its answer it could be posted twice. Try again in a few minutes.',
    );
  }
  throw error;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}

async function finish(
  ctx: Context,
  { id, creator_id }: Pick<Job, 'id' | 'creator_id'>,
  { publish_id }: Attempt,
  { status, post_ids }: PublishStatus,
): Promise<never> {
  await ctx.db.transaction(async (trx) => {
    const job = await lockJob(trx, creator_id, id);
    // Somebody else may have asked at the same time.
    if (job.state !== 'unconfirmed' && job.state !== 'failed') return;
    const event = { name: 'settled', details: { outcome: 'finished' } };
    await endJob(trx, job, {
      ...{ state: 'finished', event, outcome: status },
      posted: { publish_id, post_ids },
    });
  });
  throw new Problem(
    'state_conflict',
    'TikTok says that this post was made. It is shown as posted now, and nothing is sent again.',
  );
}

function underWay(): Problem {
  return new Problem(
    'state_conflict',
    'TikTok is still processing this post, so it may yet appear. Look again later.',
  );
}
