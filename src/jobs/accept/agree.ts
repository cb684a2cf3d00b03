// Lets a post go on that lost its permission, once its creator has agreed to it again.
import type { Knex } from 'knex';
import { json } from '../../base/database.ts';
import { readDatabaseTime } from '../../base/database-time.ts';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { lockToPost } from '../../creators/leaving.ts';
import { assertMayPost } from '../../creators/rules.ts';
import type { Creator } from '../../creators/store.ts';
import { isCommitted } from '../attempts/attempts.ts';
import type { Job } from '../job.ts';
import { CANCELLABLE_STATES } from '../states.ts';
import {
  type Consent,
  insertConsent,
  insertEvent,
  lockJob,
  queueNext,
  updateLockedJob,
} from '../store.ts';
import { findHorizon } from './accept.ts';
import { mergeSettings } from './choose-settings.ts';
import { assertNoDuplicate, reserveTime } from './limits.ts';

export interface Agreement {
  creator: Creator;
  id: string;
  /** The settings chosen anew; nothing of the old ones is taken over. */
  settings: Record<string, unknown>;
  consent: Consent;
}

/**
 * Stores the new consent. The post goes out at its planned time; where that has passed or is taken,
 * at the next free time.
 * @throws Problem `not_found`, `state_conflict`, `creator_disconnected`, and what the limits throw.
 */
export async function agreeToJob(
  ctx: Context,
  { creator, id, settings, consent }: Agreement,
): Promise<Job> {
  assertMayPost(creator);
  return ctx.db.transaction(async (trx) => {
    await lockToPost(trx, creator.id);
    const job = await lockJob(trx, creator.id, id);
    await assertWaits(trx, job);
    const planned = job.schedule_at ?? job.send_at;
    const now = await readDatabaseTime(trx);
    const at = planned > now ? planned : now;
    const latest = findHorizon(ctx, creator, now);
    const sendAt = await reserveTime(trx, ctx.config, creator.id, { at, latest, exceptId: id });
    await assertNoDuplicate(trx, { ...job, send_at: sendAt });
    const agreed = await updateLockedJob(trx, id, {
      settings: json(mergeSettings({}, settings)),
      send_at: sendAt,
      ...{ permission_lost_at: null, waiting_code: null, waiting_since: null, gives_up_at: null },
      ...(job.state === 'ready' ? { run_token: null } : {}),
    });
    await insertConsent(trx, agreed, consent);
    await insertEvent(trx, id, 'agreed', { until: sendAt });
    if (agreed.state === 'ready') await queueNext(trx, agreed);
    return agreed;
  });
}

async function assertWaits(trx: Knex, job: Job): Promise<void> {
  const isUnsent = CANCELLABLE_STATES.some((state) => state === job.state);
  if (job.permission_lost_at && isUnsent && !(await isCommitted(trx, job.id))) return;
  throw new Problem('state_conflict', 'This post does not wait for you to agree again.');
}
