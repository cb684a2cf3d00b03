// The SQL of revocations: the sealed grant on a deletion’s row, and the lease for using it.
import type { Knex } from 'knex';
import type { Context } from '../context/context.ts';
import type { Deletion } from './store.ts';

/** How long we go on asking TikTok to end a grant. */
export const REVOCATION_DAYS = 30;
/** How long one try may take, more than its two requests. A returning creator waits for its end. */
export const REVOCATION_LEASE_SECONDS = 60;

/** The parts of a grant that a revocation needs. */
export interface SealedGrant {
  access_token: string;
  refresh_token: string;
  access_expires_at: Date | string;
  /** A refresh was begun. If its answer was lost, these tokens no longer work. */
  is_refreshing?: boolean;
}

const grantContext = (id: string) => `deletions.sealed_grant:${id}`;

/** Returns the tokens, sealed for the row of this deletion. */
export function sealGrant(
  ctx: Context,
  id: string,
  { access_token, refresh_token, access_expires_at, is_refreshing }: SealedGrant,
): string {
  const plain = { access_token, refresh_token, access_expires_at, is_refreshing };
  return ctx.secrets.seal(JSON.stringify(plain), grantContext(id));
}

/** Returns null where no grant is stored, and `lost` where it was sealed under a key that is gone. */
export function openGrant(
  ctx: Context,
  { id, sealed_grant }: Deletion,
): SealedGrant | 'lost' | null {
  try {
    return sealed_grant && JSON.parse(ctx.secrets.open(sealed_grant, grantContext(id)));
  } catch {
    return 'lost';
  }
}

/** Returns at most 50 revocations that are due now and that no process is trying. */
export async function listDueRevocations(db: Knex): Promise<Deletion[]> {
  return db('deletions')
    .where({ revocation: 'pending' })
    .whereRaw('revoke_at <= now() and (revoke_leased_until is null or revoke_leased_until < now())')
    .orderBy('revoke_at')
    .limit(50);
}

/** Takes the lease; returns undefined when another process has it or nothing is pending. */
export async function leaseRevocation(
  db: Knex,
  id: string,
  lease: string,
  seconds: number,
): Promise<Deletion | undefined> {
  const [row] = await db('deletions')
    .where({ id, revocation: 'pending' })
    .whereRaw('(revoke_leased_until is null or revoke_leased_until < now())')
    .update({
      revoke_lease: lease,
      revoke_leased_until: db.raw("now() + ? * interval '1 second'", [seconds]),
      revoke_tries: db.raw('revoke_tries + 1'),
    })
    .returning('*');
  return row;
}

/** Stores refreshed tokens. Returns false when this try no longer holds the lease. */
export async function keepLeasedGrant(
  db: Knex,
  { id, revoke_lease }: Deletion,
  sealedGrant: string,
): Promise<boolean> {
  const kept = await db('deletions')
    .where({ id, revoke_lease, revocation: 'pending' })
    .update({ sealed_grant: sealedGrant });
  return kept === 1;
}

/** What the grant's row no longer holds its file does, until it is rewritten once more. */
function oweGrant(db: Knex) {
  const afterSearch = (then: string, otherwise: string) =>
    db.raw(`case when searched_at is null then ${otherwise} else ${then} end`);
  return {
    rewrite_at: afterSearch('now()', 'rewrite_at'),
    rewrite_tables: afterSearch(
      "array(select unnest(rewrite_tables) union select 'deletions')",
      'rewrite_tables',
    ),
  };
}

/** Writes the result of a try and gives up the lease; does nothing when the lease was lost. */
export async function settleRevocation(
  db: Knex,
  deletion: Deletion,
  changes: Partial<Record<keyof Deletion, unknown>>,
): Promise<void> {
  const { id, revoke_lease } = deletion;
  const owed = changes.sealed_grant === null ? oweGrant(db) : {};
  await db('deletions')
    .where({ id, revoke_lease, revocation: 'pending' })
    .update({ ...changes, ...owed, revoke_lease: null, revoke_leased_until: null });
}

/**
 * Drops the pending revocations of a person who connects again, because TikTok ends every grant of
 * that person, the new one too. `isBusy`: one of them is being tried and could not be dropped.
 */
export async function supersedeRevocations(
  db: Knex,
  openIdHashes: string[],
): Promise<{ superseded: number; isBusy: boolean }> {
  const superseded = await db('deletions')
    .whereIn('revocation', ['waiting', 'pending'])
    .whereIn('open_id_hash', openIdHashes)
    .whereRaw('(revoke_leased_until is null or revoke_leased_until < now())')
    .update({
      ...{ revocation: 'superseded', sealed_grant: null, open_id_hash: null, revoke_at: null },
      ...oweGrant(db),
    });
  const busy = await db('deletions')
    .where({ revocation: 'pending' })
    .whereIn('open_id_hash', openIdHashes)
    .first('id');
  return { superseded, isBusy: busy !== undefined };
}
