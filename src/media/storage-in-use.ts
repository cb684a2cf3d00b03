// The SQL of which storage this database's files are in.
import type { Knex } from 'knex';

/** The name of the note that lies in it; undefined before the first start. */
export async function findStorageInUse(db: Knex): Promise<string | undefined> {
  const row = await db('storage_in_use').first('id');
  return row?.id;
}

export async function recordStorageInUse(db: Knex, id: string): Promise<void> {
  await db('storage_in_use').insert({ id }).onConflict('is_only').merge({ id, since: db.fn.now() });
}
