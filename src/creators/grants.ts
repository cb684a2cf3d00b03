// The SQL of grants: the sealed tokens of a creator, their version, and who may refresh them.
import type { Knex } from 'knex';

export interface Grant {
  creator_id: string;
  scopes: string[];
  /** Sealed. */
  access_token: string;
  /** Sealed. */
  refresh_token: string;
  access_expires_at: Date;
  refresh_expires_at: Date;
  version: number;
  lease_id: string | null;
  leased_until: Date | null;
  refreshed_at: Date;
  granted_at: Date;
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

export async function findGrant(db: Knex, creatorId: string): Promise<Grant | undefined> {
  return db('grants').where({ creator_id: creatorId }).first();
}

export async function newestGrants(db: Knex, limit: number): Promise<Grant[]> {
  return db('grants').orderBy('refreshed_at', 'desc').limit(limit);
}

/** A new connection replaces the old grant; its version moves on, so a refresh under way loses. */
export async function saveGrant(trx: Knex, grant: NewGrant): Promise<void> {
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
 * Takes the grant out of the table; null when there is none, `busy` while it is being refreshed.
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

/** Takes the right to refresh this version of the grant; false when somebody else holds it. */
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

export async function releaseGrant(db: Knex, creatorId: string, leaseId: string): Promise<void> {
  await db('grants')
    .where({ creator_id: creatorId, lease_id: leaseId })
    .update({ lease_id: null, leased_until: null });
}

/**
 * Stores what a refresh brought, only for the version it refreshed; false when that was replaced.
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
