// Reads and writes the row that says which storage holds this database's files.
import type { Knex } from 'knex';

/** Returns the name of the marker in that storage; undefined before the first start. */
export async function findStorageInUse(db: Knex): Promise<string | undefined> {
  const row = await db('storage_in_use').first('id');
  return row?.id;
}

/** Stores the name of the marker in place of the one before. */
export async function recordStorageInUse(db: Knex, id: string): Promise<void> {
  await db('storage_in_use').insert({ id }).onConflict('is_only').merge({ id, since: db.fn.now() });
}
