// The SQL of a creator whose account is being deleted: the mark, and the locks that respect it.
import type { Knex } from 'knex';
import { emit } from '../events/emit.ts';
import { disconnected } from './rules.ts';
import { findCreatorByOpenId, noCreator } from './store.ts';

/** Who left, for the deletion's record. */
export interface Leaver {
  creator_id: string;
  open_id: string | null;
  username: string | null;
}

/**
 * Marks the creator as leaving: sessions and keys stop working, and nothing new is accepted. Clears
 * `open_id`, so that the same person may connect again as a new creator.
 * Returns who it was, or undefined if the creator does not exist or is leaving already.
 */
export async function markLeaving(trx: Knex, id: string): Promise<Leaver | undefined> {
  const creator = await trx('creators').where({ id, leaving_at: null }).forUpdate().first();
  if (!creator) return undefined;
  await trx('creators').where({ id }).update({ leaving_at: trx.fn.now(), open_id: null });
  await emit(trx, { kind: 'creator', id }, 'leaving');
  const { open_id, username } = creator;
  return { creator_id: id, open_id, username };
}

/**
 * Takes a shared lock that holds off a deletion until the caller's transaction ends.
 * Returns false if the creator is leaving or does not exist.
 */
export async function lockIfStaying(trx: Knex, id: string): Promise<boolean> {
  const creator = await trx('creators').where({ id, leaving_at: null }).forShare().first('id');
  return creator !== undefined;
}

/**
 * Takes the same shared lock as `lockIfStaying`.
 * @throws Problem `not_found` if the creator is leaving or does not exist.
 */
export async function assertNotLeaving(trx: Knex, id: string): Promise<void> {
  if (!(await lockIfStaying(trx, id))) throw noCreator();
}

/**
 * Takes the same shared lock as `lockIfStaying`. It also holds off the loss of the permission, which
 * would not find a post that is being stored.
 * @throws Problem `not_found` if the creator is leaving or does not exist, `creator_disconnected`.
 */
export async function lockToPost(trx: Knex, id: string): Promise<void> {
  const creator = await trx('creators')
    .where({ id, leaving_at: null })
    .forShare()
    .first('disconnected_at');
  if (!creator) throw noCreator();
  if (creator.disconnected_at) throw disconnected();
}

/**
 * Takes an exclusive lock, so that one caller at a time counts rows and then adds one. A shared
 * lock that is raised later would deadlock: two holders would each wait for the other to release
 * it.
 * @throws Problem `not_found` if the creator is leaving or does not exist.
 */
export async function lockStaying(trx: Knex, id: string): Promise<void> {
  const creator = await trx('creators').where({ id, leaving_at: null }).forUpdate().first('id');
  if (!creator) throw noCreator();
}

/** Returns true if this TikTok account has connected again since its old account began to leave. */
export async function hasReturned(db: Knex, openId: string): Promise<boolean> {
  return (await findCreatorByOpenId(db, openId)) !== undefined;
}
