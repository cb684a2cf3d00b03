// The SQL of creators: one TikTok account each, with its plan, settings and connection.

import type { Knex } from 'knex';
import type { Config, PlanName } from '../base/config.ts';
import { databaseNow, sqlFromNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { DAY_MS, MINUTE_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { emit } from '../events/emit.ts';
import { findGrant, type Grant } from './grants.ts';

/** A row of `creators`. */
export interface Creator {
  id: string;
  /** Null once the creator is leaving, so that the same person may connect anew. */
  open_id: string | null;
  username: string | null;
  nickname: string | null;
  avatar_url: string | null;
  plan: PlanName;
  plan_ends_at: Date | null;
  suspended_at: Date | null;
  disconnected_at: Date | null;
  /** Set while the account is being deleted. Then it has no session and no key. */
  leaving_at: Date | null;
  /** TikTok's number for the reason why it took the permission back. */
  removal_reason: number | null;
  keys_may_export_and_erase: boolean;
  time_zone: string | null;
  last_seen_at: Date;
  /** When TikTok last confirmed that the username is this creator's. */
  name_confirmed_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

export interface Profile {
  open_id: string;
  username: string | null;
  nickname: string | null;
  avatar_url: string | null;
  /** Given only if TikTok has just returned the username. */
  name_confirmed_at?: Date;
}

/** Returns the creator, or undefined if there is none or the account is being deleted. */
export async function findCreator(db: Knex, id: string): Promise<Creator | undefined> {
  return db('creators').where({ id, leaving_at: null }).first();
}

/**
 * Returns the creator.
 * @throws Problem `not_found` if there is none or the account is being deleted.
 */
export async function getCreator(db: Knex, id: string): Promise<Creator> {
  const creator = await findCreator(db, id);
  if (!creator) throw noCreator();
  return creator;
}

/** Returns the Problem of a creator that does not exist, or whose account is being deleted. */
export function noCreator(): Problem {
  return new Problem('not_found', 'There is no such creator.');
}

/** Returns the creator with TikTok's id `openId`, which a creator who is leaving no longer has. */
export async function findCreatorByOpenId(db: Knex, openId: string): Promise<Creator | undefined> {
  return db('creators').where({ open_id: openId }).first();
}

/**
 * Inserts a creator with the default plan, or updates the profile of a known one. Connecting again
 * clears `disconnected_at`. Returns the row.
 */
export async function saveCreator(trx: Knex, profile: Profile, config: Config): Promise<Creator> {
  const plan = config.DEFAULT_PLAN;
  const planEndsAt = plan === 'trial' ? sqlFromNow(trx, config.TRIAL_DAYS * DAY_MS) : null;
  const { open_id, ...rest } = profile;
  const before = await trx('creators').where({ open_id }).forUpdate().first('disconnected_at');
  const [{ is_new, ...creator }] = await trx('creators')
    .insert({ open_id, ...rest, plan, plan_ends_at: planEndsAt })
    .onConflict('open_id')
    .merge({ ...rest, disconnected_at: null, removal_reason: null, updated_at: trx.fn.now() })
    .returning(['*', trx.raw('xmax = 0 as is_new')]);
  const subject = { kind: 'creator', id: creator.id } as const;
  if (is_new) await emit(trx, subject, 'connected');
  else if (before?.disconnected_at) await emit(trx, subject, 'reconnected');
  return creator;
}

/**
 * Saves the profile that TikTok has just returned. A username in it counts as confirmed now.
 * Changes nothing if the permission was lost or the deletion began while TikTok answered, since the
 * names of such an account must stay forgotten.
 */
export async function saveProfile(
  db: Knex,
  id: string,
  profile: Partial<Omit<Profile, 'open_id'>>,
): Promise<void> {
  const confirmed = profile.username ? { name_confirmed_at: db.fn.now() } : {};
  await db('creators')
    .where({ id, disconnected_at: null, leaving_at: null })
    .update({ ...profile, ...confirmed, updated_at: db.fn.now() });
}

/** Saves the settings that are given; settings that are undefined stay as they are. */
export async function saveSettings(
  db: Knex,
  id: string,
  settings: { [name in 'time_zone' | 'keys_may_export_and_erase']?: Creator[name] | undefined },
): Promise<void> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  await db('creators')
    .where({ id })
    .update({ ...Object.fromEntries(given), updated_at: db.fn.now() });
}

/**
 * Records a visit or a request by key. Stores the day alone, so it writes at most once a day.
 */
export async function touchLastSeen(
  db: Knex,
  { id, last_seen_at }: Pick<Creator, 'id' | 'last_seen_at'>,
): Promise<void> {
  const today = databaseNow();
  today.setUTCHours(0, 0, 0, 0);
  if (last_seen_at >= today) return;
  await db('creators')
    .where({ id })
    .where('last_seen_at', '<', today)
    .update({ last_seen_at: today });
}

/**
 * Marks the creator as disconnected if the grant still has this version. A creator who connected
 * again in the meantime has a newer version and stays connected.
 */
export async function markDisconnected(ctx: Context, id: string, version: number): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const changed = await trx('creators')
      .where({ id, disconnected_at: null })
      .whereExists(trx('grants').where({ creator_id: id, version }).select('version'))
      .update({ disconnected_at: trx.fn.now() });
    if (changed === 0) return;
    for (const module of ctx.modules) await module.afterLapse?.(trx, ctx, id);
    await emit(trx, { kind: 'creator', id }, 'disconnected');
  });
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

/** Returns the ids among these that are in the database, including creators who are leaving. */
export async function findKnownIds(db: Knex, ids: string[]): Promise<string[]> {
  const rows = await db('creators').whereIn('id', ids).select('id');
  return rows.map((row) => row.id as string);
}
