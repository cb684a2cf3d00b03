// The SQL of what operators see of creators, and what they may change about them.
import type { Knex } from 'knex';
import type { PlanName } from '../../base/config.ts';
import { isUuid } from '../../base/database.ts';
import type { Creator } from '../../creators/store.ts';

/**
 * By internal id or open_id, whole; or by the beginning of the username, in any case. Whoever is
 * leaving is not found. Without words: the newest.
 */
export async function searchCreators(db: Knex, words: string, limit: number): Promise<Creator[]> {
  const found = db('creators').where({ leaving_at: null }).limit(limit);
  if (!words) return found.orderBy('created_at', 'desc');
  const name = words.replace(/^@/, '').toLowerCase();
  return found
    .where((any) => {
      any.whereRaw('starts_with(lower(username), ?)', [name]).orWhere({ open_id: words });
      if (isUuid(words)) any.orWhere({ id: words });
    })
    .orderByRaw('lower(username) = ? desc nulls last, lower(username)', [name]);
}

/** What an account holds, in numbers. */
export interface Holdings {
  jobs: number;
  working: number;
  files: number;
  bytes: number;
}

export async function countHoldings(db: Knex, creatorId: string): Promise<Holdings> {
  const { rows } = await db.raw(
    `select count(*) as jobs, count(*) filter (where finished_at is null) as working,
            (select count(*) from media where creator_id = :creator_id) as files,
            (select coalesce(sum(bytes), 0)::bigint from media where creator_id = :creator_id) as bytes
       from jobs where creator_id = :creator_id`,
    { creator_id: creatorId },
  );
  return rows[0];
}

/** False when it was so already, or the creator is leaving. */
export async function setSuspended(trx: Knex, id: string, isSuspended: boolean): Promise<boolean> {
  const changed = await trx('creators')
    .where({ id, leaving_at: null })
    .whereRaw(isSuspended ? 'suspended_at is null' : 'suspended_at is not null')
    .update({ suspended_at: isSuspended ? trx.fn.now() : null, updated_at: trx.fn.now() });
  return changed === 1;
}

export async function setPlan(
  trx: Knex,
  id: string,
  plan: PlanName,
  planEndsAt: Date | null,
): Promise<void> {
  await trx('creators')
    .where({ id, leaving_at: null })
    .update({ plan, plan_ends_at: planEndsAt, updated_at: trx.fn.now() });
}
