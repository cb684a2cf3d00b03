// The SQL of deletions: each is a row that outlives the creator and, once done, names nobody.
import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { randomToken } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { emit } from '../events/emit.ts';
import { sumMedia } from '../media/usage.ts';
import { eraseRows } from '../privacy/eraser.ts';
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

/** What was deleted and what was kept, in numbers: no name, no id. */
export interface Receipt {
  /** Table → rows. */
  rows?: Record<string, number>;
  files?: number;
  bytes?: number;
  /** Files that storage could not remove at once; the sweeper does within minutes. */
  files_left?: number;
  jobs_cancelled?: number;
  /** Posts whose bytes were with TikTok already, and so went on there. */
  jobs_seen_through?: number;
  tables_searched?: number;
  search_ms?: number;
}

/** A row of `deletions`. */
export interface Deletion {
  id: string;
  receipt_token: string;
  method: Method;
  creator_id: string | null;
  /** Sealed Identifiers, until the search for traces is over. */
  sealed_identifiers: string | null;
  requested_at: Date;
  quiet_at: Date | null;
  recorded_at: Date | null;
  erased_at: Date | null;
  done_at: Date | null;
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

/** No creator has it. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

const sealContext = (id: string) => `deletions.sealed_identifiers:${id}`;

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
 * Null once the search is over and they were dropped. Sealed under a key that is gone, our own id is
 * all that is left to delete and to search by, while there is still a row of it.
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

/** Until the caller's transaction ends, no other run changes it. */
export async function lockDeletion(trx: Knex, id: string): Promise<Deletion | undefined> {
  return trx('deletions').where({ id }).forUpdate().first();
}

export async function findByReceipt(db: Knex, token: string): Promise<Deletion | undefined> {
  return db('deletions').where({ receipt_token: token }).first();
}

export async function findByCreator(db: Knex, creatorId: string): Promise<Deletion | undefined> {
  return db('deletions').where({ creator_id: creatorId }).first();
}

/** Adds to the receipt and sets columns, in one statement. */
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

/** Deletions that are not done, oldest first: each must have a run. */
export async function listUnfinishedDeletions(db: Knex): Promise<Deletion[]> {
  return db('deletions').where({ done_at: null }).orderBy('requested_at');
}

interface ErasedRows {
  deletionId: string;
  creatorId: string;
  /** With the files that storage could not remove yet. */
  sealedIdentifiers: string;
  filesLeft: number;
}

/** The rows of one creator go, and the receipt says how many, in one transaction. */
export async function eraseCreator(
  ctx: Context,
  { deletionId, creatorId, sealedIdentifiers, filesLeft }: ErasedRows,
): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const before = await lockDeletion(trx, deletionId);
    // Another run was quicker: what it counted is the truth.
    if (!before || before.erased_at) return;
    const { files, bytes } = await sumMedia(trx, creatorId);
    const openId = openIdentifiers(ctx, before)?.open_id ?? null;
    for (const { beforeErase } of ctx.modules) {
      await beforeErase?.(trx, { deletionId, creatorId, openId });
    }
    const rows = added(before.receipt.rows, await eraseRows(trx, ctx.modules, creatorId));
    // now() is when the transaction began, and the rows were still there.
    const erased = {
      erased_at: trx.raw('clock_timestamp()'),
      sealed_identifiers: sealedIdentifiers,
    };
    await updateDeletion(trx, deletionId, erased, { rows, files, bytes, files_left: filesLeft });
    await emit(trx, { kind: 'deletion', id: deletionId }, 'erased');
  });
}

/** What went early, as sessions do, counts as well. */
function added(some: Record<string, number> = {}, more: Record<string, number>) {
  const sum = { ...some };
  for (const [table, count] of Object.entries(more)) sum[table] = (sum[table] ?? 0) + count;
  return sum;
}

/** Nothing is left: whom it was about is dropped, and the request that led here is answered. */
export async function finishDeletion(
  { db, modules }: Context,
  id: string,
  receipt: Receipt,
): Promise<void> {
  await db.transaction(async (trx) => {
    const done = { done_at: trx.fn.now(), traces: 0, sealed_identifiers: null };
    await updateDeletion(trx, id, done, receipt);
    await emit(trx, { kind: 'deletion', id }, 'done');
    for (const { afterErase } of modules) await afterErase?.(trx, id);
  });
}
