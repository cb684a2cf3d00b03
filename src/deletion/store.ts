// The SQL of deletions: each has a row that outlives the creator and, once done, names nobody.
import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { randomToken } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { emit } from '../events/emit.ts';
import type { Identifiers } from '../privacy/traces.ts';

export type Method =
  | 'self_service'
  | 'api'
  | 'request'
  | 'tiktok'
  | 'disconnected'
  | 'inactive'
  | 'restore';

export type Revocation =
  | 'waiting'
  | 'pending'
  | 'revoked'
  | 'not_needed'
  | 'superseded'
  | 'given_up';

/** The numbers of a deletion, without a name or an id. */
export interface Receipt {
  /** Table → rows deleted or emptied. */
  rows?: Record<string, number>;
  files?: number;
  bytes?: number;
  /** Files that storage could not remove at once. The search and retention remove them later. */
  files_left?: number;
  jobs_cancelled?: number;
  /** Posts that TikTok had received already, and that could not be stopped. */
  jobs_seen_through?: number;
  tables_searched?: number;
  search_ms?: number;
  /** Disks of machines that did not come back; each removes its working files when it starts. */
  disks_lost?: number;
  /** Whether the database server keeps its log for longer than until the rewrite. */
  is_log_kept?: boolean;
}

/** A row of `deletions`. */
export interface Deletion {
  id: string;
  receipt_token: string;
  method: Method;
  creator_id: string | null;
  /** Sealed `Identifiers`, until the search for traces has found nothing. */
  sealed_identifiers: string | null;
  requested_at: Date;
  quiet_at: Date | null;
  recorded_at: Date | null;
  erased_at: Date | null;
  searched_at: Date | null;
  done_at: Date | null;
  cleared_disks: string[];
  /** The tables whose files may still hold something of the creator. */
  rewrite_tables: string[];
  rewrite_at: Date | null;
  receipt: Receipt;
  traces: number | null;
  faults: number;
  revocation: Revocation;
  sealed_grant: string | null;
  open_id_hash: string | null;
  revoke_lease: string | null;
  revoke_leased_until: Date | null;
  revoke_at: Date | null;
  revoke_tries: number;
  revoked_at: Date | null;
}

/** An id that no creator has. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

const sealContext = (id: string) => `deletions.sealed_identifiers:${id}`;

/** Inserts a deletion that has just been requested. The caller queues its execution. */
export async function insertDeletion(
  ctx: Context,
  trx: Knex,
  {
    method,
    who,
    receipt,
  }: { method: Method; who: Omit<Identifiers, 'left_keys'>; receipt: Receipt },
): Promise<Deletion> {
  const id = randomUUID();
  const [row] = await trx('deletions')
    .insert({
      id,
      receipt_token: randomToken(190),
      method,
      creator_id: who.creator_id,
      open_id_hash: who.open_id && ctx.secrets.keyedHash(who.open_id, 'open_id'),
      sealed_identifiers: sealIdentifiers(ctx, id, { ...who, left_keys: [] }),
      receipt: JSON.stringify(receipt),
    })
    .returning('*');
  await emit(trx, { kind: 'deletion', id }, 'requested', { method });
  return row;
}

export function sealIdentifiers(ctx: Context, id: string, who: Identifiers): string {
  return ctx.secrets.seal(JSON.stringify(who), sealContext(id));
}

/**
 * Returns null once the deletion is done and the identifiers are dropped. If they were sealed under
 * a key that is gone, only our own id is left to delete and to search by.
 */
export function openIdentifiers(ctx: Context, deletion: Deletion): Identifiers | null {
  const { id, sealed_identifiers, creator_id } = deletion;
  if (!sealed_identifiers) return null;
  try {
    return JSON.parse(ctx.secrets.open(sealed_identifiers, sealContext(id)));
  } catch {
    return { creator_id: creator_id ?? NOBODY, open_id: null, username: null, left_keys: [] };
  }
}

export async function findDeletion(db: Knex, id: string): Promise<Deletion | undefined> {
  return db('deletions').where({ id }).first();
}

/** Locks the row, so that no other run changes it until the caller's transaction ends. */
export async function lockDeletion(trx: Knex, id: string): Promise<Deletion | undefined> {
  return trx('deletions').where({ id }).forUpdate().first();
}

export async function findByReceipt(db: Knex, token: string): Promise<Deletion | undefined> {
  return db('deletions').where({ receipt_token: token }).first();
}

export async function findByCreator(db: Knex, creatorId: string): Promise<Deletion | undefined> {
  return db('deletions').where({ creator_id: creatorId }).first();
}

/** Sets columns and merges `receipt` into the stored one, in one statement. */
export async function updateDeletion(
  trx: Knex,
  id: string,
  changes: Partial<Record<keyof Deletion, unknown>>,
  receipt: Receipt = {},
): Promise<Deletion> {
  const [row] = await trx('deletions')
    .where({ id })
    .update({
      ...changes,
      receipt: trx.raw('receipt || ?::jsonb', [JSON.stringify(receipt)]),
    })
    .returning('*');
  return row;
}

/** Returns the deletions whose search is not over, oldest first. Each must have a queued run. */
export async function listUnfinishedDeletions(db: Knex): Promise<Deletion[]> {
  return db('deletions').where({ done_at: null, searched_at: null }).orderBy('requested_at');
}

/** Returns the deletions whose working files on this disk have not been looked for. */
export async function listUncleared(db: Knex, disk: string): Promise<Deletion[]> {
  return db('deletions')
    .where({ done_at: null, searched_at: null })
    .whereNotNull('erased_at')
    .whereRaw('not ?::uuid = any(cleared_disks)', [disk]);
}

export async function addClearedDisk(db: Knex, id: string, disk: string): Promise<void> {
  await db('deletions')
    .where({ id })
    .whereRaw('not ?::uuid = any(cleared_disks)', [disk])
    .update({ cleared_disks: db.raw('cleared_disks || ?::uuid', [disk]) });
}
