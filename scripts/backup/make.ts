// Makes one backup: the rows of one moment, the files that they name, and the ledger of deletions.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { Problem } from '../../src/base/errors.ts';
import { listApplied } from '../../src/base/migrations.ts';
import { readLedger } from '../../src/deletion/ledger.ts';
import { backupName } from '../../src/storage/backups.ts';
import { makeDurable } from '../../src/storage/fs.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type Add, writeArchive } from './archive.ts';
import {
  END,
  type EndOfBackup,
  FORMAT,
  fileName,
  MANIFEST,
  markerName,
  partName,
} from './contents.ts';
import { deriveRecipient } from './identity.ts';
import { connect, type Place } from './place.ts';
import { copyOut, listTables } from './tables.ts';

const DAY_MS = 86_400_000;

export interface Made extends EndOfBackup {
  path: string;
}

/**
 * Makes a backup in the folder and returns its path and counts. It is written aside, synced and
 * renamed, so that a file with a backup's name is complete.
 */
export async function makeBackup(place: Place, folder: string, signal: AbortSignal): Promise<Made> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const madeAt = new Date();
  const path = join(folder, backupName(madeAt));
  const draft = `${path}.${process.pid}`;
  let end: EndOfBackup | undefined;
  try {
    const recipient = await deriveRecipient(place.secrets);
    const fill = async (add: Add) => {
      end = await fillArchive(add, place, madeAt, `${draft}.keys`);
    };
    await writeArchive(`${draft}.part`, recipient, fill, signal);
    await rename(`${draft}.part`, path);
    await makeDurable(folder);
  } finally {
    await rm(`${draft}.part`, { force: true });
    await rm(`${draft}.keys`, { force: true });
  }
  return { path, ...(end as EndOfBackup) };
}

async function fillArchive(
  add: Add,
  place: Place,
  madeAt: Date,
  keysPath: string,
): Promise<EndOfBackup> {
  const rows = await addSnapshot(add, place, madeAt, keysPath);
  const files = await addFiles(add, place.storage, keysPath);
  // Last, so that it includes people who were deleted while the files were copied.
  const { markers } = await readLedger(place.storage);
  for (const [creatorId, marker] of markers) await add(markerName(creatorId), Buffer.from(marker));
  const end: EndOfBackup = { rows, ...files, notes: markers.size };
  await add(END, Buffer.from(JSON.stringify(end)));
  return end;
}

/**
 * Adds all rows as they are at one moment, and returns their number by table. The keys of the files
 * are written to `keysPath`, so that the transaction can end before the files are copied: a long
 * one keeps PostgreSQL from vacuuming.
 */
async function addSnapshot(
  add: Add,
  { connection, config }: Place,
  madeAt: Date,
  keysPath: string,
): Promise<Record<string, number>> {
  const client = await connect(connection);
  try {
    await client.query('begin isolation level repeatable read read only');
    const tables = await listTables(client);
    const manifest = {
      format: FORMAT,
      made_at: madeAt.toISOString(),
      expires_at: new Date(madeAt.getTime() + config.BACKUP_DAYS * DAY_MS).toISOString(),
      migrations: await listApplied((sql) => client.query(sql)),
      tables,
    };
    await add(MANIFEST, Buffer.from(JSON.stringify(manifest)));
    const rows: Record<string, number> = {};
    for (const table of tables) {
      const parts = copyOut(client, table);
      for (let number = 0; ; number += 1) {
        const { value, done } = await parts.next();
        if (done) {
          rows[table.name] = value;
          break;
        }
        await add(partName(table.name, number), value);
      }
    }
    await writeKeys(client, keysPath);
    await client.query('commit');
    return rows;
  } finally {
    await client.end();
  }
}

async function writeKeys(client: pg.Client, keysPath: string): Promise<void> {
  const keys = client.query(copyTo('copy (select storage_key from media order by 1) to stdout'));
  await pipeline(keys, createWriteStream(keysPath, { flags: 'wx', mode: 0o600 }));
}

async function addFiles(
  add: Add,
  storage: Storage,
  keysPath: string,
): Promise<Pick<EndOfBackup, 'files' | 'bytes' | 'files_gone'>> {
  const sum = { files: 0, bytes: 0, files_gone: 0 };
  for await (const key of createInterface({ input: createReadStream(keysPath) })) {
    const file = await openFile(storage, key);
    if (!file) {
      sum.files_gone += 1;
      continue;
    }
    await add(fileName(key), file.body, file.bytes);
    sum.files += 1;
    sum.bytes += file.bytes;
  }
  return sum;
}

/**
 * Opens a file before its name goes into the archive; returns undefined if it has been deleted
 * since.
 */
async function openFile(
  storage: Storage,
  key: string,
): Promise<{ body: Readable; bytes: number } | undefined> {
  try {
    const bytes = await storage.size(key);
    const body = await storage.read(key);
    await once(body, 'readable');
    return { body, bytes };
  } catch (error) {
    const isGone =
      (error instanceof Problem && error.code === 'not_found') ||
      (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isGone) return undefined;
    throw error;
  }
}
