// The command behind backup.sh: makes one backup now or one a day, or prints the key to open them.
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import cron from 'node-cron';
import { readConfig } from '../../src/base/config.ts';
import { makePrivately } from '../../src/base/private-files.ts';
import { megabytes } from '../../src/http/format.ts';
import { backupsFolder, newestBackup, removeExpiredBackups } from '../../src/storage/backups.ts';
import { createStorage } from '../../src/storage/create-storage.ts';
import { explainFault, runScript, wrongUsage } from '../fault.ts';
import { copyLedger } from './beside.ts';
import { deriveIdentity } from './identity.ts';
import { makeBackup } from './make.ts';
import { openPlace, readSecrets } from './place.ts';

const USAGE = `Usage: scripts/backup.sh [--daily] [FOLDER]
       scripts/backup.sh --identity > FILE

Makes an encrypted backup of database and media in FOLDER (DATA_DIR/backups), and removes those
older than BACKUP_DAYS from it. Beside them it keeps who was deleted, as bare internal ids in
FOLDER/deletions: copy that folder wherever you copy backups. --daily stays, makes one a day, and
looks after the folder each hour. --identity prints the key that opens backups, for the age tool:
age -d -i FILE BACKUP | tar x`;

// An hour less than a day, so that the minutes a backup takes do not delay the next one by an hour.
const DUE_MS = 23 * 3_600_000;
const HOURLY = '15 * * * *';

if (import.meta.main) {
  makePrivately();
  await runScript(main);
}

async function main(signal: AbortSignal): Promise<void> {
  const { values, positionals } = readArguments();
  const config = readConfig();
  if (values.identity) {
    for (const secret of readSecrets(config)) print(deriveIdentity(secret));
    return;
  }
  const folder = resolve(positionals[0] ?? backupsFolder(config.DATA_DIR));
  if (values.daily) return makeDaily(folder, signal);
  await makeOne(folder, signal);
}

function readArguments() {
  try {
    const parsed = parseArgs({
      allowPositionals: true,
      options: { daily: { type: 'boolean' }, identity: { type: 'boolean' } },
    });
    if (parsed.positionals.length <= 1) return parsed;
  } catch {
    // The usage below says what is wrong.
  }
  throw wrongUsage(USAGE);
}

/** Makes a backup. Expired ones are removed even if that fails, since we promise when they end. */
async function makeOne(folder: string, signal: AbortSignal): Promise<void> {
  try {
    await using place = await openPlace();
    const made = await makeBackup(place, folder, signal);
    const rows = Object.values(made.rows).reduce((sum, count) => sum + count, 0);
    print(`${made.path}: ${rows} rows, ${made.files} files (${megabytes(made.bytes)}).`);
    if (made.files_gone > 0) print(`${made.files_gone} files were deleted meanwhile and left out.`);
  } finally {
    await maintain(folder);
  }
}

/** Removes expired backups, and copies the ledger of deletions beside the others. */
async function maintain(folder: string): Promise<void> {
  const config = readConfig();
  const { removed } = await removeExpiredBackups(folder, config.BACKUP_DAYS);
  if (removed > 0) print(`Removed ${removed} backups older than ${config.BACKUP_DAYS} days.`);
  await copyLedger(config, createStorage(config), folder);
}

/** Checks every hour whether a backup is due, so that one that failed is tried again. */
async function makeDaily(folder: string, signal: AbortSignal): Promise<void> {
  const check = async () => {
    const last = await newestBackup(folder);
    const isDue = !last || Date.now() - last.getTime() >= DUE_MS;
    await (isDue ? makeOne(folder, signal) : maintain(folder));
  };
  const warn = (error: unknown) => {
    process.stderr.write(
      `The backup failed: ${explainFault(error)} It is tried again within an hour.\n`,
    );
  };
  await check().catch(warn);
  const task = cron.schedule(HOURLY, () => check().catch(warn), {
    noOverlap: true,
    timezone: 'UTC',
  });
  await sleep(2 ** 31 - 1, undefined, { signal }).catch(() => {});
  await task.destroy();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
