// The SQL of invitations: single use, stored as a hash.
import type { Knex } from 'knex';

export interface Invitation {
  id: string;
  expires_at: Date;
  used_at: Date | null;
}

export async function findInvitation(
  db: Knex,
  token_hash: string,
): Promise<Invitation | undefined> {
  return db('invitations')
    .where({ token_hash, used_at: null })
    .where('expires_at', '>', new Date())
    .first();
}

export async function insertInvitation(
  db: Knex,
  token_hash: string,
  expires_at: Date,
): Promise<void> {
  await db('invitations').insert({ token_hash, expires_at });
}

/** False when somebody used it in the meantime. */
export async function useInvitation(trx: Knex, id: string, creator_id: string): Promise<boolean> {
  const used = await trx('invitations')
    .where({ id, used_at: null })
    .update({ used_at: trx.fn.now(), creator_id });
  return used === 1;
}
