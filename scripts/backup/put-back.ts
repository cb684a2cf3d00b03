// Puts a checked backup in place: rows beside the real ones, files, the ledger of deletions, then the swap.
import { text } from 'node:stream/consumers';
import type pg from 'pg';
import { LEDGER } from '../../src/deletions/ledger.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { Entry } from './archive.ts';
import { type EndOfBackup, kindOf, type ManifestOfBackup } from './contents.ts';
import type { Place } from './place.ts';
import type { Settled } from './settle-jobs.ts';
import {
  beginStaging,
  dropStaging,
  findFileRow,
  finishStaging,
  loadPart,
  swap,
} from './staging.ts';
import { recordUnfinished } from './target.ts';

const KEYS_AT_ONCE = 500;

interface Files {
  files: number;
  bytes: number;
  /** Their content is not what their row says: the disk had lost them before. */
  damaged: number;
}

/** What a first reading of the whole backup found. */
export interface Checked {
  manifest: ManifestOfBackup;
  end: EndOfBackup;
}

export type PutBack = Files & Settled;

export async function putBack(
  client: pg.Client,
  place: Place,
  entries: AsyncIterable<Entry>,
  { manifest, end }: Checked,
): Promise<PutBack> {
  const files: Files = { files: 0, bytes: 0, damaged: 0 };
  const ledger = new Map<string, string>();
  await beginStaging(client, place.connection, manifest);
  try {
    for await (const { name, body } of entries) {
      const entry = kindOf(name);
      if (entry?.kind === 'table') await loadPart(client, manifest, entry.of, body);
      else if (entry?.kind === 'file') await keepFile(client, place.storage, entry.of, body, files);
      else if (entry?.kind === 'note') ledger.set(entry.of, await text(body));
      else body.resume();
    }
    await finishStaging(client, place.connection, manifest, end);
    // Before the swap: a crash between the two forgets nobody who was deleted.
    await recordUnfinished(client, place);
    await mergeLedger(place.storage, ledger);
    const settled = await swap(client, manifest.made_at);
    await removeStrangers(client, place.storage);
    return { ...files, ...settled };
  } catch (error) {
    await dropStaging(client).catch(() => {});
    throw error;
  }
}

/** A file without a row, which a run that fails later leaves, is what the sweeper removes. */
async function keepFile(
  client: pg.Client,
  storage: Storage,
  storage_key: string,
  body: Entry['body'],
  files: Files,
): Promise<void> {
  const row = await findFileRow(client, storage_key);
  const { bytes, sha256 } = await storage.write(storage_key, body);
  if (row?.sha256 === sha256) {
    files.files += 1;
    files.bytes += bytes;
    return;
  }
  await storage.remove(storage_key);
  files.damaged += 1;
}

/** What both know: neither this instance's notes nor the backup's are lost. */
async function mergeLedger(storage: Storage, ledger: Map<string, string>): Promise<void> {
  for await (const { name } of storage.notes(LEDGER)) ledger.delete(name);
  for (const [name, note] of ledger) await storage.putNote(LEDGER, name, note);
}

/** Files of the database that was replaced have no row any more, and go now rather than in an hour. */
async function removeStrangers(client: pg.Client, storage: Storage): Promise<void> {
  let keys: string[] = [];
  const look = async () => {
    const { rows } = await client.query(
      'select key from unnest($1::text[]) as key where not exists (select from public.media where storage_key = key)',
      [keys],
    );
    for (const { key } of rows) await storage.remove(key);
    keys = [];
  };
  for await (const { key } of storage.list()) {
    keys.push(key);
    if (keys.length >= KEYS_AT_ONCE) await look();
  }
  await look();
}
