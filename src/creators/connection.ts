// The SQL of a creator's connection with TikTok: that it is lost, works again, or was removed.
import type { Knex } from 'knex';
import { withQueryLimit } from '../base/bounded-client.ts';
import { MINUTE_MS } from '../base/time.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';
import { emit } from '../events/emit.ts';
import { findGrant, type Grant } from './grants.ts';

/**
 * Marks the creator as disconnected if the grant still has this version. A creator who connected
 * again in the meantime has a newer version and stays connected.
 */
export async function markDisconnected(ctx: Context, id: string, version: number): Promise<void> {
  const mark = async (trx: Knex) => {
    const changed = await trx('creators')
      .where({ id, disconnected_at: null })
      .whereExists(trx('grants').where({ creator_id: id, version }).select('version'))
      .update({ disconnected_at: trx.fn.now() });
    if (changed === 0) return;
    for (const module of ctx.modules) await module.afterLapse?.(trx, ctx, id);
    await emit(trx, { kind: 'creator', id }, 'disconnected');
  };
  await withQueryLimit(QUERY_LIMITS.allPosts, () => ctx.db.transaction(mark));
}

/**
 * Clears the mark, in the transaction that saves a token which TikTok has just given: the permission
 * had not lapsed. The mark stays if the person removed the permission or is leaving.
 */
export async function clearDisconnected(trx: Knex, ctx: Context, id: string): Promise<void> {
  const cleared = await trx('creators')
    .where({ id, removal_reason: null, leaving_at: null })
    .whereNotNull('disconnected_at')
    .update({ disconnected_at: null, updated_at: trx.fn.now() });
  if (cleared === 0) return;
  for (const module of ctx.modules) await module.afterRecovery?.(trx, ctx, id);
  await emit(trx, { kind: 'creator', id }, 'reconnected');
}

/** Whether TikTok has refused the permission of this creator for good. */
export async function isDisconnected(db: Knex, id: string): Promise<boolean> {
  const gone = await db('creators').where({ id }).whereNotNull('disconnected_at').first('id');
  return gone !== undefined;
}

/** Locks the creator's row until the transaction ends; it is locked before the grant's everywhere. */
export async function lockCreator(trx: Knex, id: string): Promise<void> {
  await trx('creators').where({ id }).forUpdate().first('id');
}

/**
 * Deletes what TikTok gave us: the grant and the names. `reason` is TikTok's number for the reason.
 * Returns false and changes nothing if the creator connected after `at`, since TikTok's message is
 * then late and concerns an earlier grant.
 */
export async function forgetAuthorization(
  trx: Knex,
  id: string,
  { reason, at }: { reason: number; at: Date },
): Promise<boolean> {
  const creator = await trx('creators').where({ id }).forUpdate().first();
  if (!creator) return false;
  const grant = await findGrant(trx, id);
  if (grant && at < findStart(grant)) return false;
  await trx('grants').where({ creator_id: id }).delete();
  await trx('creators')
    .where({ id })
    .update({
      ...{ username: null, nickname: null, avatar_url: null, name_confirmed_at: null },
      removal_reason: reason,
      disconnected_at: trx.raw('coalesce(disconnected_at, now())'),
      updated_at: trx.fn.now(),
    });
  // TikTok may tell it twice.
  if (creator.removal_reason === null) {
    await emit(trx, { kind: 'creator', id }, 'authorization_removed', { reason });
  }
  return true;
}

/** How far our clock and TikTok's may be apart where TikTok did not tell its own. */
const MOST_SKEW_MS = 10 * MINUTE_MS;

/**
 * Returns from which time on a removal in TikTok's time concerns this grant. What TikTok told when it
 * granted is compared with its later messages; our own clock only with room for a difference.
 */
function findStart({ granted_at_tiktok, granted_at }: Grant): Date {
  // TikTok's times are whole seconds.
  if (granted_at_tiktok) {
    return new Date(Math.floor(granted_at_tiktok.getTime() / 1000) * 1000);
  }
  return new Date(granted_at.getTime() - MOST_SKEW_MS);
}
