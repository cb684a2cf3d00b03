// The SQL of creators: one TikTok account each, with its plan, settings and connection.
import type { Knex } from 'knex';
import type { Config, PlanName } from '../base/config.ts';
import { databaseNow, sqlFromNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { DAY_MS } from '../base/time.ts';
import { emit } from '../events/emit.ts';

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

/** Returns the ids among these that are in the database, including creators who are leaving. */
export async function findKnownIds(db: Knex, ids: string[]): Promise<string[]> {
  const rows = await db('creators').whereIn('id', ids).select('id');
  return rows.map((row) => row.id as string);
}
