// The SQL by which operators search creators, suspend them and set their plans.
import type { Knex } from 'knex';
import type { PlanName } from '../base/config.ts';
import { isUuid } from '../base/database.ts';
import type { Creator } from './store.ts';

/**
 * Finds creators by their whole internal id or open_id, or by the beginning of the username in any
 * case. Returns the newest creators if `words` is empty. Leaves out creators who are leaving.
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

/** Suspends or restores. Returns false if nothing changed: it was so, or the creator is leaving. */
export async function setSuspended(trx: Knex, id: string, isSuspended: boolean): Promise<boolean> {
  const changed = await trx('creators')
    .where({ id, leaving_at: null })
    .whereRaw(isSuspended ? 'suspended_at is null' : 'suspended_at is not null')
    .update({ suspended_at: isSuspended ? trx.fn.now() : null, updated_at: trx.fn.now() });
  return changed === 1;
}

/** Sets the plan; `planEndsAt` is null for a plan without an end. */
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
