// The SQL of posting defaults: settings that a creator saved for posts that name none.
import type { Knex } from 'knex';
import { json } from '../base/database.ts';
import type { PostSettings } from '../tiktok/post-settings.ts';

/** A row of `posting_defaults`. */
export interface PostingDefaults {
  destination: 'direct' | 'inbox';
  settings: Partial<PostSettings>;
  /** The declaration that the creator agreed to on saving. */
  declaration: string;
  given_at: Date;
}

/** Returns the creator's defaults, or undefined if none are saved. */
export async function findPostingDefaults(
  db: Knex,
  creatorId: string,
): Promise<PostingDefaults | undefined> {
  return db('posting_defaults')
    .where({ creator_id: creatorId })
    .first('destination', 'settings', 'declaration', 'given_at');
}

/** Replaces the saved defaults; null removes them. */
export async function savePostingDefaults(
  trx: Knex,
  creatorId: string,
  defaults: Omit<PostingDefaults, 'given_at'> | null,
): Promise<void> {
  await trx('posting_defaults').where({ creator_id: creatorId }).delete();
  if (!defaults) return;
  const settings = json(defaults.settings);
  await trx('posting_defaults').insert({ creator_id: creatorId, ...defaults, settings });
}
