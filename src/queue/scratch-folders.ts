// The SQL of scratch folders: which process lives, and whose folder is named for removal.
import type { Knex } from 'knex';
import { sqlFromNow } from '../base/database-time.ts';

export interface ScratchFolder {
  /** The folder's name. */
  id: string;
  /** The disk that it is on. */
  disk: string;
}

/**
 * Says that the process lives. One that was taken for dead, and is not, begins anew. Returns the
 * database's time.
 */
export async function beatFolder(db: Knex, { id, disk }: ScratchFolder): Promise<Date> {
  const [row] = await db('scratch_folders')
    .insert({ id, disk })
    .onConflict('id')
    .merge({ beat_at: db.fn.now(), dead_at: null })
    .returning(db.raw('clock_timestamp() as at'));
  return row.at;
}

/** Takes every process for dead that has been silent for so long, which names its folder. */
export async function declareFoldersDead(db: Knex, silentMs: number): Promise<void> {
  await db('scratch_folders')
    .where({ dead_at: null })
    .where('beat_at', '<=', sqlFromNow(db, -silentMs))
    .update({ dead_at: db.fn.now() });
}

/** Returns the names of the folders on this disk that are to be removed. */
export async function listDeadFolders(db: Knex, disk: string): Promise<string[]> {
  return db('scratch_folders').where({ disk }).whereNotNull('dead_at').pluck('id');
}

/** Forgets folders that are removed, unless their process turned out to live. */
export async function forgetFolders(db: Knex, ids: string[]): Promise<void> {
  await db('scratch_folders').whereIn('id', ids).whereNotNull('dead_at').delete();
}

/** Forgets a folder that its own process has removed. */
export async function closeFolder(db: Knex, id: string): Promise<void> {
  await db('scratch_folders').where({ id }).delete();
}

/** Forgets folders of machines that did not come back: in containers the disk is gone with them. */
export async function forgetLostFolders(db: Knex): Promise<void> {
  await db('scratch_folders').whereRaw("dead_at < now() - interval '30 days'").delete();
}

/**
 * Returns the disks, but for these, on which some process had a folder before that time, and whether
 * all of its processes have been dead for a day.
 */
export async function listOtherDisks(
  db: Knex,
  { startedBefore, except }: { startedBefore: Date; except: string[] },
): Promise<{ disk: string; is_lost: boolean }[]> {
  return db('scratch_folders')
    .where('started_at', '<=', startedBefore)
    .whereRaw('disk <> all(?::uuid[])', [except])
    .groupBy('disk')
    .select(
      'disk',
      db.raw("coalesce(bool_and(dead_at < now() - interval '1 day'), false) as is_lost"),
    );
}
