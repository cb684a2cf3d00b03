// Changes a scheduled job: its title, its settings or its time.
import type { Knex } from 'knex';
import { json } from '../../base/database.ts';
import { readDatabaseTime } from '../../base/database-time.ts';
import { invalid, Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { lockToPost } from '../../creators/leaving.ts';
import { assertMayPost } from '../../creators/rules.ts';
import type { Creator } from '../../creators/store.ts';
import { TIKTOK_LIMITS } from '../../tiktok/limits.ts';
import type { Job } from '../job.ts';
import type { JobPatch } from '../schema.ts';
import { toStatus } from '../states.ts';
import {
  type Consent,
  insertConsent,
  insertEvent,
  lockJob,
  queueNext,
  updateLockedJob,
} from '../store.ts';
import { assertPlannable } from './accept.ts';
import { mergeSettings } from './choose-settings.ts';
import { assertNoDuplicate, reserveTime } from './limits.ts';

export interface JobChange {
  creator: Creator;
  id: string;
  patch: JobPatch;
  consent: Consent;
}

/**
 * Changes title, settings or time of a `scheduled` job. The change needs a new consent.
 * @throws Problem `not_found`, `state_conflict`, `invalid_request`, and what the limits throw.
 */
export async function changeJob(
  ctx: Context,
  { creator, id, patch, consent }: JobChange,
): Promise<Job> {
  assertMayPost(creator);
  return ctx.db.transaction(async (trx) => {
    assertPlannable(ctx, creator, patch.schedule_at ?? null, await readDatabaseTime(trx));
    await lockToPost(trx, creator.id);
    const job = await lockJob(trx, creator.id, id);
    if (toStatus(job) !== 'scheduled') {
      throw new Problem('state_conflict', 'Only a post that waits for its time can be changed.');
    }
    if (Object.keys(patch).length === 0) return job;
    const settings = patch.settings && mergeSettings(job.settings, patch.settings);
    assertTitleFits(job, patch.title);
    if (patch.schedule_at) await assertFreeFor(trx, ctx, job, patch.schedule_at);
    const changed = await updateLockedJob(trx, id, {
      // A run that has just begun must not post the old words.
      ...(job.state === 'ready' ? { run_token: null } : {}),
      ...(patch.title === undefined ? {} : { title: patch.title }),
      ...(settings === undefined ? {} : { settings: json(settings) }),
      ...(patch.schedule_at === undefined
        ? {}
        : {
            // The creator decides anew; only a lost permission goes on to wait.
            ...(job.permission_lost_at
              ? {}
              : { waiting_since: null, waiting_code: null, gives_up_at: null }),
            mode: 'schedule',
            schedule_at: patch.schedule_at,
            send_at: patch.schedule_at,
          }),
    });
    await insertConsent(trx, changed, consent);
    await insertEvent(trx, id, 'edited');
    if (changed.state === 'ready') await queueNext(trx, changed);
    return changed;
  });
}

function assertTitleFits({ kind }: Job, title: string | undefined): void {
  const most = TIKTOK_LIMITS.photo.title;
  if (kind === 'photo' && title !== undefined && title.length > most) {
    throw invalid('/title', `Expected at most ${most} UTF-16 units with photos.`);
  }
}

/** Checks the new time as that of a new post: against the limits and against other planned posts. */
async function assertFreeFor(trx: Knex, ctx: Context, job: Job, at: Date): Promise<void> {
  const { id: exceptId, creator_id } = job;
  await reserveTime(trx, ctx.config, creator_id, { at, exceptId });
  await assertNoDuplicate(trx, { ...job, send_at: at });
}
