// The SQL of invitations: single use, stored as a hash.
import type { Knex } from 'knex';

export interface Invitation {
  id: string;
  expires_at: Date;
  used_at: Date | null;
}

export async function findInvitation(db: Knex, tokenHash: string): Promise<Invitation | undefined> {
  return db('invitations')
    .where({ token_hash: tokenHash, used_at: null })
    .where('expires_at', '>', new Date())
    .first();
}

export async function insertInvitation(
  db: Knex,
  tokenHash: string,
  expiresAt: Date,
): Promise<void> {
  await db('invitations').insert({ token_hash: tokenHash, expires_at: expiresAt });
}

/** False when somebody used it in the meantime. */
export async function useInvitation(trx: Knex, id: string, creatorId: string): Promise<boolean> {
  const used = await trx('invitations')
    .where({ id, used_at: null })
    .update({ used_at: trx.fn.now(), creator_id: creatorId });
  return used === 1;
}
