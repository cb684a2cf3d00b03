// Makes a process's folder for working files. What is in it names the creator whom it is about.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeOnce } from './make-once.ts';

const TOUCH_MS = 60_000;

/**
 * Makes the folder below `dataDir/scratch` and returns its path. Its name is random, since
 * containers that share the data may have the same host name and process ids. `isAlone` means that
 * no other process can use the data; all folders that exist then belong to dead processes and are
 * removed at once.
 */
export function openScratch(dataDir: string, isAlone: boolean): string {
  const all = join(dataDir, 'scratch');
  mkdirSync(all, { recursive: true, mode: 0o700 });
  if (isAlone) for (const name of readdirSync(all)) rmSync(join(all, name), { recursive: true });
  const own = join(all, randomUUID());
  mkdirSync(own, { mode: 0o700 });
  setInterval(() => void touch(own), TOUCH_MS).unref();
  return own;
}

/**
 * Updates the folder's time, by which processes of an older version see that this one lives. Makes
 * the folder again if it was removed, as it may be after a long sleep of the machine.
 */
export async function touch(own: string): Promise<void> {
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    await utimes(own, new Date(), new Date());
  } catch {
    // Ignored: the next touch tries again, and a step that needs the folder fails on its own.
  }
}

/** Makes an empty folder for one piece of work about this creator. The caller removes it. */
export async function makeWorkFolder(scratch: string, creatorId: string): Promise<string> {
  const folder = join(scratch, `${creatorId}.${randomUUID()}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Removes what all processes of this disk, dead ones too, have in their folders for a creator. */
export async function removeWorkFolders(scratch: string, creatorId: string): Promise<void> {
  for (const path of await findWorkFolders(scratch, creatorId)) {
    await rm(path, { recursive: true, force: true });
  }
}

/** Lists those folders, of all processes of this disk. */
export async function findWorkFolders(scratch: string, creatorId: string): Promise<string[]> {
  const all = dirname(scratch);
  const found: string[] = [];
  for (const folder of await readdir(all)) {
    const names = await readdir(join(all, folder)).catch(() => []);
    const own = names.filter((name) => name.startsWith(creatorId));
    found.push(...own.map((name) => join(all, folder, name)));
  }
  return found;
}

/** Removes the folder of a dead process of this disk; one that is gone already is no error. */
export async function removeScratch(scratch: string, name: string): Promise<void> {
  await rm(join(dirname(scratch), name), { recursive: true, force: true });
}

/**
 * Returns the id of the disk that holds `dataDir`, made at the first call. It tells machines with
 * disks of their own from processes that share one.
 */
export function readDisk(dataDir: string): string {
  return makeOnce(join(dataDir, 'disk-id'), randomUUID);
}
