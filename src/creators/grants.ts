// The SQL of grants: a creator's sealed tokens, their version, and the lease to refresh them.
import type { Knex } from 'knex';

/** A row of `grants`. */
export interface Grant {
  creator_id: string;
  scopes: string[];
  /** Sealed. */
  access_token: string;
  /** Sealed. */
  refresh_token: string;
  access_expires_at: Date;
  refresh_expires_at: Date;
  /** Grows with every replacement, so that a late writer finds that its tokens are old. */
  version: number;
  lease_id: string | null;
  leased_until: Date | null;
  refreshed_at: Date;
  granted_at: Date;
  /** The same by TikTok's clock; null where TikTok did not tell it. */
  granted_at_tiktok: Date | null;
}

type NewGrant = Pick<
  Grant,
  | 'creator_id'
  | 'scopes'
  | 'access_token'
  | 'refresh_token'
  | 'access_expires_at'
  | 'refresh_expires_at'
>;

/** Returns the creator's grant, or undefined if TikTok has given none or it was removed. */
export async function findGrant(db: Knex, creatorId: string): Promise<Grant | undefined> {
  return db('grants').where({ creator_id: creatorId }).first();
}

/** Returns the grants that were refreshed last. */
export async function listNewestGrants(db: Knex, limit: number): Promise<Grant[]> {
  return db('grants').orderBy('refreshed_at', 'desc').limit(limit);
}

/**
 * Saves a new grant or replaces the old one. The version grows, so a refresh under way is dropped.
 */
export async function saveGrant(
  trx: Knex,
  grant: NewGrant & Pick<Grant, 'granted_at_tiktok'>,
): Promise<void> {
  await trx('grants')
    .insert(grant)
    .onConflict('creator_id')
    .merge({
      ...grant,
      version: trx.raw('grants.version + 1'),
      lease_id: null,
      leased_until: null,
      refreshed_at: trx.fn.now(),
      granted_at: trx.fn.now(),
    });
}

/**
 * Deletes the grant and returns it. Returns null if there is none, and `busy` while another process
 * refreshes it.
 */
export async function takeGrant(trx: Knex, creatorId: string): Promise<Grant | 'busy' | null> {
  const [grant] = await trx('grants')
    .where({ creator_id: creatorId })
    .whereRaw('(leased_until is null or leased_until < now())')
    .delete()
    .returning('*');
  if (grant) return grant;
  return (await findGrant(trx, creatorId)) ? 'busy' : null;
}

/** Takes the lease to refresh this version. Returns false if another process holds it. */
export async function leaseGrant(
  db: Knex,
  grant: Grant,
  leaseId: string,
  seconds: number,
): Promise<boolean> {
  const taken = await db('grants')
    .where({ creator_id: grant.creator_id, version: grant.version })
    .whereRaw('(leased_until is null or leased_until < now())')
    .update({
      lease_id: leaseId,
      leased_until: db.raw("now() + ? * interval '1 second'", [seconds]),
    });
  return taken === 1;
}

/**
 * Ends the lease, if it is still ours. `before`: the grant as it was when the lease was taken. If
 * another process had let its own lapse, the row keeps saying that a refresh began and did not end.
 */
export async function releaseGrant(db: Knex, before: Grant, leaseId: string): Promise<void> {
  const { creator_id } = before;
  await db('grants')
    .where({ creator_id, lease_id: leaseId })
    .update(
      before.lease_id
        ? { leased_until: db.raw("now() - interval '1 millisecond'") }
        : { lease_id: null, leased_until: null },
    );
}

/** Holds the lease for longer, if it is still ours. Returns whether it is. */
export async function renewLease(
  db: Knex,
  creatorId: string,
  leaseId: string,
  seconds: number,
): Promise<boolean> {
  const renewed = await db('grants')
    .where({ creator_id: creatorId, lease_id: leaseId })
    .update({ leased_until: db.raw("now() + ? * interval '1 second'", [seconds]) });
  return renewed === 1;
}

/**
 * Saves refreshed tokens. Returns false if the grant no longer has the version that was refreshed.
 */
export async function saveRefresh(
  db: Knex,
  grant: Grant,
  fresh: Omit<NewGrant, 'creator_id'>,
): Promise<boolean> {
  const saved = await db('grants')
    .where({ creator_id: grant.creator_id, version: grant.version })
    .update({
      ...fresh,
      version: grant.version + 1,
      lease_id: null,
      leased_until: null,
      refreshed_at: db.fn.now(),
    });
  return saved === 1;
}
