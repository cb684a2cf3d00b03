// Keeps this process's scratch folder registered, and removes the dead's and what is a leaver's.
import { basename, resolve } from 'node:path';
import { databaseNow } from '../base/database-time.ts';
import { readDisk, removeScratch, removeWorkFolders } from '../base/scratch.ts';
import type { Context } from '../context/context.ts';
import {
  beatFolder,
  closeFolder,
  declareFoldersDead,
  forgetFolders,
  forgetLostFolders,
  listDeadFolders,
  listOtherDisks,
} from '../queue/scratch-folders.ts';
import {
  addClearedDisk,
  type Deletion,
  findDeletion,
  listUncleared,
  openIdentifiers,
} from './store.ts';

export interface ScratchWatch {
  /** Forgets the folder, which the caller has removed. */
  stop(): Promise<void>;
}

/** Runs in every process, for only a process on the same disk can remove a dead one's folder. */
export async function watchScratch(ctx: Context, isAlone: boolean): Promise<ScratchWatch> {
  const own = { id: basename(ctx.scratch), disk: findDisk(ctx) };
  if (isAlone) await declareFoldersDead(ctx.db, 0);
  await beatFolder(ctx.db, own);
  await removeDead(ctx, own.disk);
  let isBusy = false;
  const timer = setInterval(async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      const databaseMs = (await beatFolder(ctx.db, own)).getTime();
      ctx.databaseContact.recordAnswer(databaseMs);
      await tidy(ctx, own.disk, databaseMs);
    } catch {
      // The database or the disk does not answer; the next beat tries again.
    } finally {
      isBusy = false;
    }
  }, ctx.timing.beatMs);
  return {
    async stop() {
      clearInterval(timer);
      await closeFolder(ctx.db, own.id).catch(() => {});
    },
  };
}

/** After an outage of the database nobody is taken for dead until all had the time to beat. */
async function tidy(ctx: Context, disk: string, databaseMs: number): Promise<void> {
  if (ctx.databaseContact.isSteady(databaseMs)) {
    await declareFoldersDead(ctx.db, ctx.timing.silentMs);
    await forgetLostFolders(ctx.db);
  }
  await removeDead(ctx, disk);
  for (const deletion of await listUncleared(ctx.db, disk)) await clearWorkFolders(ctx, deletion);
}

async function removeDead(ctx: Context, disk: string): Promise<void> {
  const names = await listDeadFolders(ctx.db, disk);
  for (const name of names) await removeScratch(ctx.scratch, name);
  if (names.length > 0) await forgetFolders(ctx.db, names);
}

/** Removes the creator's working files from this disk, and records that it is done. */
export async function clearWorkFolders(ctx: Context, deletion: Deletion): Promise<void> {
  const who = openIdentifiers(ctx, deletion);
  if (!who) return;
  await removeWorkFolders(ctx.scratch, who.creator_id);
  await addClearedDisk(ctx.db, deletion.id, findDisk(ctx));
}

export interface OtherDisks {
  /** Disks whose processes live and have not cleared their folders yet, or may come back. */
  waiting: number;
  /** Disks of machines that have been gone for a day; each is cleared when its machine starts. */
  lost: number;
}

export async function countOtherDisks(ctx: Context, deletionId: string): Promise<OtherDisks> {
  const deletion = await findDeletion(ctx.db, deletionId);
  const disks = await listOtherDisks(ctx.db, {
    startedBefore: deletion?.erased_at ?? databaseNow(),
    except: deletion?.cleared_disks ?? [],
  });
  const lost = disks.filter(({ is_lost }) => is_lost).length;
  return { waiting: disks.length - lost, lost };
}

function findDisk({ config }: Context): string {
  return readDisk(resolve(config.DATA_DIR));
}
