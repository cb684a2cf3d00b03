// The SQL of invitations, which can be used once and are stored as a hash.
import type { Knex } from 'knex';
import { sqlFromNow } from '../base/database-time.ts';

/** A row of `invitations`. */
export interface Invitation {
  id: string;
  expires_at: Date;
  used_at: Date | null;
}

/** Returns the invitation if it is unused and has not ended. */
export async function findInvitation(db: Knex, tokenHash: string): Promise<Invitation | undefined> {
  return db('invitations')
    .where({ token_hash: tokenHash, used_at: null })
    .where('expires_at', '>', db.fn.now())
    .first();
}

/** Inserts an invitation that ends after so many milliseconds. */
export async function insertInvitation(db: Knex, tokenHash: string, ms: number): Promise<void> {
  await db('invitations').insert({ token_hash: tokenHash, expires_at: sqlFromNow(db, ms) });
}

/** Marks the invitation as used. Returns false if another creator has used it in the meantime. */
export async function useInvitation(trx: Knex, id: string, creatorId: string): Promise<boolean> {
  const used = await trx('invitations')
    .where({ id, used_at: null })
    .update({ used_at: trx.fn.now(), creator_id: creatorId });
  return used === 1;
}
