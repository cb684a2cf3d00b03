// The SQL of posting defaults: what a creator has chosen, with consent, for posts that name no settings.
import type { Knex } from 'knex';
import { json } from '../base/database.ts';
import type { PostSettings } from '../tiktok/post-settings.ts';

export interface PostingDefaults {
  destination: 'direct' | 'inbox';
  settings: Partial<PostSettings>;
  /** The words that the creator agreed to on saving. */
  declaration: string;
  given_at: Date;
}

export async function findPostingDefaults(
  db: Knex,
  creatorId: string,
): Promise<PostingDefaults | undefined> {
  return db('posting_defaults')
    .where({ creator_id: creatorId })
    .first('destination', 'settings', 'declaration', 'given_at');
}

/** Replaces what was saved before; null takes it away. */
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
