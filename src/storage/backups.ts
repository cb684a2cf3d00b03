// Names the files in the folder of backups, and removes those that have expired.
import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { measureSince } from '../base/database-time.ts';
import { DAY_MS } from '../base/time.ts';
import { unlessAbsent } from './fs.ts';

const NAME = /^pm3k-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.backup\.age$/;
const UNFINISHED = /^pm3k-.*\.backup\.age\.\d+\.(part|keys)$/;

/** The folder for backups when the operator names no other. */
export function backupsFolder(dataDir: string): string {
  return join(resolve(dataDir), 'backups');
}

/** Returns e.g. `pm3k-20261128T191300Z.backup.age`. */
export function backupName(madeAt: Date): string {
  const time = madeAt.toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return `pm3k-${time}Z.backup.age`;
}

/**
 * Reads the time from a backup's name, since copying changes a file's own times; undefined for
 * other files.
 */
export function readBackupTime(name: string): Date | undefined {
  const [, year, month, day, hour, minute, second] = NAME.exec(name) ?? [];
  return year ? new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) : undefined;
}

/** Returns when the newest backup of the folder was made. */
export async function newestBackup(folder: string): Promise<Date | undefined> {
  const names = (await unlessAbsent(readdir(folder))) ?? [];
  return names
    .flatMap((name) => readBackupTime(name) ?? [])
    .sort((a, b) => b.getTime() - a.getTime())[0];
}

/**
 * Removes backups older than `days`, and drafts that a killed run left. The ledger of deletions
 * forgets people after that time, so an older backup could bring back somebody who was deleted.
 */
export async function removeExpiredBackups(
  folder: string,
  days: number,
): Promise<{ removed: number; bytes: number }> {
  const sum = { removed: 0, bytes: 0 };
  for (const name of (await unlessAbsent(readdir(folder))) ?? []) {
    const at = readBackupTime(name);
    if (at && measureSince(at) > days * DAY_MS) {
      const found = await unlessAbsent(stat(join(folder, name)));
      await rm(join(folder, name), { force: true });
      sum.removed += 1;
      sum.bytes += found?.size ?? 0;
    } else if (UNFINISHED.test(name)) await removeAbandoned(join(folder, name));
  }
  return sum;
}

async function removeAbandoned(path: string): Promise<void> {
  const found = await unlessAbsent(stat(path));
  if (found && Date.now() - found.mtimeMs > DAY_MS) await rm(path, { force: true });
}
