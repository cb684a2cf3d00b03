// The SQL of creators: the person whose data we hold, and the account with its plan.

import type { Knex } from 'knex';
import type { Config, PlanLimits, PlanName } from '../base/config.ts';
import { isUuid } from '../base/database.ts';
import { Problem } from '../base/errors.ts';
import { DAY_MS } from '../base/time.ts';
import { emit } from '../events/emit.ts';
import { findGrant } from './grants.ts';

/** A row of `creators`. */
export interface Creator {
  id: string;
  /** Null once the creator is leaving. */
  open_id: string | null;
  username: string | null;
  nickname: string | null;
  avatar_url: string | null;
  plan: PlanName;
  plan_ends_at: Date | null;
  suspended_at: Date | null;
  disconnected_at: Date | null;
  /** Being deleted: no session, no key, nothing new. */
  leaving_at: Date | null;
  /** TikTok's reason when it took the permission back. */
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
  /** Only where TikTok told the username just now. */
  name_confirmed_at?: Date;
}

/** Whoever is leaving is not found any more. */
export async function findCreator(db: Knex, id: string): Promise<Creator | undefined> {
  return db('creators').where({ id, leaving_at: null }).first();
}

export async function getCreator(db: Knex, id: string): Promise<Creator> {
  const creator = await findCreator(db, id);
  if (!creator) throw gone();
  return creator;
}

export async function findCreatorByOpenId(db: Knex, openId: string): Promise<Creator | undefined> {
  return db('creators').where({ open_id: openId }).first();
}

/** Inserts the creator or refreshes the profile; connecting again ends a disconnection. */
export async function saveCreator(trx: Knex, profile: Profile, config: Config): Promise<Creator> {
  const plan = config.DEFAULT_PLAN;
  const planEndsAt = plan === 'trial' ? new Date(Date.now() + config.TRIAL_DAYS * DAY_MS) : null;
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
 * What TikTok has just told; a username among it counts as confirmed. An answer that was under way
 * while the permission went or the account began to leave is dropped: its names are forgotten.
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

/** Changes the settings that are given, and no other. */
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

/** The creator, or a program of theirs, was here; written once a day, and to the day alone. */
export async function touchLastSeen(
  db: Knex,
  { id, last_seen_at }: Pick<Creator, 'id' | 'last_seen_at'>,
): Promise<void> {
  const today = new Date();
  today.setUTCHours(0, 0, 0, 0);
  if (last_seen_at >= today) return;
  await db('creators')
    .where({ id })
    .where('last_seen_at', '<', today)
    .update({ last_seen_at: today });
}

/** Judged by this version of the grant; who has connected again meanwhile stays connected. */
export async function markDisconnected(db: Knex, id: string, version: number): Promise<void> {
  await db.transaction(async (trx) => {
    const changed = await trx('creators')
      .where({ id, disconnected_at: null })
      .whereExists(trx('grants').where({ creator_id: id, version }).select('version'))
      .update({ disconnected_at: trx.fn.now() });
    if (changed === 1) await emit(trx, { kind: 'creator', id }, 'disconnected');
  });
}

/**
 * Whatever TikTok gave us goes: the grant and the names. False, with nothing changed, when the
 * creator connected after `at`: then the message comes late, and is about an earlier grant.
 */
export async function forgetAuthorization(
  trx: Knex,
  id: string,
  { reason, at }: { reason: number; at: Date },
): Promise<boolean> {
  const creator = await trx('creators').where({ id }).forUpdate().first();
  if (!creator) return false;
  const since: Date = (await findGrant(trx, id))?.granted_at ?? creator.created_at;
  // TikTok counts in whole seconds.
  if (at.getTime() < Math.floor(since.getTime() / 1000) * 1000) return false;
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

/** The limits in force now; an ended plan has none, and says so. */
export function getPlanLimits(config: Config, creator: Creator): PlanLimits {
  return config.plans[creator.plan];
}

/** What must hold before a creator may upload or post, by whatever way. */
export function assertMayPost(creator: Creator): void {
  const refusal = refusalToPost(creator);
  if (refusal) throw refusal;
}

export function mayPost(creator: Creator): boolean {
  return refusalToPost(creator) === null;
}

function refusalToPost(creator: Creator): Problem | null {
  if (creator.suspended_at) return suspended();
  if (creator.plan_ends_at && creator.plan_ends_at <= new Date()) {
    return new Problem(
      'plan_expired',
      `The ${creator.plan} plan of this account ended on ${creator.plan_ends_at.toISOString()}.`,
    );
  }
  if (creator.disconnected_at) {
    return new Problem(
      'creator_disconnected',
      'TikTok no longer lets us post for this account. Connect with TikTok again on the dashboard.',
    );
  }
  return null;
}

export function suspended(): Problem {
  return new Problem('forbidden', 'This account is suspended. Ask the operator.');
}

/**
 * The creator can do nothing from here on, and the same person may connect anew. Answers who it was,
 * or undefined when there is none or it is leaving already.
 */
export async function markLeaving(trx: Knex, id: string): Promise<Leaver | undefined> {
  const creator = await trx('creators').where({ id, leaving_at: null }).forUpdate().first();
  if (!creator) return undefined;
  await trx('creators').where({ id }).update({ leaving_at: trx.fn.now(), open_id: null });
  await emit(trx, { kind: 'creator', id }, 'leaving');
  const { open_id, username } = creator;
  return { creator_id: id, open_id, username };
}

export interface Leaver {
  creator_id: string;
  open_id: string | null;
  username: string | null;
}

/** Holds off a deletion until the caller's transaction ends; false when one has begun, or none is there. */
export async function lockIfStaying(trx: Knex, id: string): Promise<boolean> {
  const creator = await trx('creators').where({ id, leaving_at: null }).forShare().first('id');
  return creator !== undefined;
}

/** As lockIfStaying; throws `not_found`. */
export async function assertNotLeaving(trx: Knex, id: string): Promise<void> {
  if (!(await lockIfStaying(trx, id))) throw gone();
}

/**
 * As assertNotLeaving, one caller at a time: for what is counted first and added then. Locked whole at
 * once, since two that share a lock would each wait for the other to let go of it.
 */
export async function lockStaying(trx: Knex, id: string): Promise<void> {
  const creator = await trx('creators').where({ id, leaving_at: null }).forUpdate().first('id');
  if (!creator) throw gone();
}

function gone(): Problem {
  return new Problem('not_found', 'There is no such creator.');
}

/** Throws `forbidden`. */
export async function assertNotSuspended(db: Knex, id: string): Promise<void> {
  const creator = await db('creators').where({ id }).whereNotNull('suspended_at').first('id');
  if (creator) throw suspended();
}

/** Whether a living account of this TikTok account exists. */
export async function hasReturned(db: Knex, openId: string): Promise<boolean> {
  return (await findCreatorByOpenId(db, openId)) !== undefined;
}

/** Those of these ids that are in the database, leaving or not. */
export async function findKnownIds(db: Knex, ids: string[]): Promise<string[]> {
  const rows = await db('creators').whereIn('id', ids).select('id');
  return rows.map((row) => row.id as string);
}

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
