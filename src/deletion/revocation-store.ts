// The SQL of revocations: the sealed grant of who left, tried under a lease until TikTok took it back.
import type { Knex } from 'knex';
import type { Context } from '../context/context.ts';
import type { Deletion } from './store.ts';

/** How long TikTok is asked again to take a grant back. */
export const REVOCATION_DAYS = 30;
/** How long one try may take; longer than its two requests. Whoever returns waits for it. */
export const REVOCATION_LEASE_SECONDS = 60;

/** What a revocation needs, and nothing else of a grant. */
export interface SealedGrant {
  access_token: string;
  refresh_token: string;
  access_expires_at: Date | string;
  /** A refresh was begun; if its answer was lost, so are the tokens. */
  is_refreshing?: boolean;
}

const grantContext = (id: string) => `deletions.sealed_grant:${id}`;

/** Seals plain tokens for the deletion's row. */
export function sealGrant(
  ctx: Context,
  id: string,
  { access_token, refresh_token, access_expires_at, is_refreshing }: SealedGrant,
): string {
  const plain = { access_token, refresh_token, access_expires_at, is_refreshing };
  return ctx.secrets.seal(JSON.stringify(plain), grantContext(id));
}

/** `lost`: sealed under a key that is gone. */
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

/** Revocations that are due now and that no process is trying. */
export async function listDueRevocations(db: Knex): Promise<Deletion[]> {
  return db('deletions')
    .where({ revocation: 'pending' })
    .whereRaw('revoke_at <= now() and (revoke_leased_until is null or revoke_leased_until < now())')
    .orderBy('revoke_at')
    .limit(50);
}

/** Takes the right to try; undefined when somebody else has it, or it is pending no more. */
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

/** Keeps renewed tokens, under the lease alone: after it they may be nobody's business any more. */
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

/** Ends a try, under its lease alone. */
export async function settleRevocation(
  db: Knex,
  deletion: Deletion,
  changes: Partial<Record<keyof Deletion, unknown>>,
): Promise<void> {
  const { id, revoke_lease } = deletion;
  await db('deletions')
    .where({ id, revoke_lease, revocation: 'pending' })
    .update({ ...changes, revoke_lease: null, revoke_leased_until: null });
}

/** The person is back: what is left of the old grant is dropped, lest revoking it ends the new one. */
export async function supersedeRevocations(
  db: Knex,
  openIdHashes: string[],
): Promise<{ superseded: number; isBusy: boolean }> {
  const superseded = await db('deletions')
    .whereIn('revocation', ['waiting', 'pending'])
    .whereIn('open_id_hash', openIdHashes)
    .whereRaw('(revoke_leased_until is null or revoke_leased_until < now())')
    .update({ revocation: 'superseded', sealed_grant: null, open_id_hash: null, revoke_at: null });
  const busy = await db('deletions')
    .where({ revocation: 'pending' })
    .whereIn('open_id_hash', openIdHashes)
    .first('id');
  return { superseded, isBusy: busy !== undefined };
}
