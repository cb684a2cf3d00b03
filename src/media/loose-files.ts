// Names whose a file is before its first byte is stored, so that a kill leaves no file of nobody.
import type { Readable } from 'node:stream';
import type { Knex } from 'knex';
import type { Context } from '../context/context.ts';
import { assertNotLeaving } from '../creators/leaving.ts';
import type { Storage, StoredObject } from '../storage/storage.ts';

/**
 * Streams a file of this creator into storage. It is loose until its row is inserted with
 * `settleFile`, or until `dropFile`; what a kill leaves loose goes with the creator or after a day.
 * @throws Problem `not_found` if the creator is leaving; those of `storage.write`.
 */
export async function storeFile(
  ctx: Context,
  { creator_id, storage_key }: { creator_id: string; storage_key: string },
  body: Readable,
  options?: Parameters<Storage['write']>[2],
): Promise<StoredObject> {
  await ctx.db.transaction(async (trx) => {
    await assertNotLeaving(trx, creator_id);
    await loosenFile(trx, { storage_key, creator_id });
  });
  try {
    return await ctx.storage.write(storage_key, body, options);
  } catch (error) {
    // The storage has kept nothing of it. Without a database the row stays for a day.
    await settleFile(ctx.db, storage_key).catch(() => {});
    throw error;
  }
}

/** Runs in the transaction that deletes the file's own row, before the file itself is removed. */
export async function loosenFile(
  trx: Knex,
  { storage_key, creator_id }: { storage_key: string; creator_id: string },
): Promise<void> {
  const loose = trx('loose_files').insert({ storage_key, creator_id });
  await loose.onConflict('storage_key').ignore();
}

/** Runs in the transaction that inserts the file's own row. */
export async function settleFile(trx: Knex, storageKey: string): Promise<void> {
  await trx('loose_files').where({ storage_key: storageKey }).delete();
}

/** Removes a file that gets no row. */
export async function dropFile(ctx: Context, storageKey: string): Promise<void> {
  await ctx.storage.remove(storageKey);
  await settleFile(ctx.db, storageKey);
}

/** Returns the keys of a creator's files that are being stored, or were when a process was killed. */
export async function listLooseKeys(db: Knex, creatorId: string): Promise<string[]> {
  return db('loose_files').where({ creator_id: creatorId }).pluck('storage_key');
}
