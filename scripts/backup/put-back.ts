// Restores a checked backup: loads rows, files and the ledger, and then swaps the schemas.
import { text } from 'node:stream/consumers';
import type pg from 'pg';
import { findMarkers, removeAllMarkers } from '../../src/continuity/markers.ts';
import { LEDGER, readLedger } from '../../src/deletion/ledger.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { Entry } from './archive.ts';
import { type EndOfBackup, type ManifestOfBackup, parseEntryName } from './contents.ts';
import type { Place } from './place.ts';
import {
  beginStaging,
  dropStaging,
  findFileRow,
  finishStaging,
  loadPart,
  type Swapped,
  swap,
} from './staging.ts';
import { recordUnfinished } from './target.ts';

const KEYS_AT_ONCE = 500;

interface Files {
  files: number;
  bytes: number;
  /** Files whose content does not match their row; they were damaged before the backup was made. */
  damaged: number;
}

/** What the first reading of the whole backup found. */
export interface Checked {
  manifest: ManifestOfBackup;
  end: EndOfBackup;
}

/** The ledger of deletions, creator id → marker. */
type Ledger = Map<string, string>;

export interface PutBack extends Files, Swapped {
  /** How many creators of the backup the ledger names as deleted; the next start removes them. */
  deletedSince: number;
  /** Whether the ledger here names a deletion that the backup does not. */
  isLedgerNewer: boolean;
}

/**
 * Restores the entries in place of what the instance holds; the database changes at once or not at
 * all.
 */
export async function putBack(
  client: pg.Client,
  place: Place,
  entries: AsyncIterable<Entry>,
  { manifest, end, beside }: Checked & { beside: Ledger },
): Promise<PutBack> {
  const files: Files = { files: 0, bytes: 0, damaged: 0 };
  const ledger: Ledger = new Map();
  await beginStaging(client, place.connection, manifest);
  try {
    for await (const { name, body } of entries) {
      const entry = parseEntryName(name);
      if (entry?.kind === 'table') await loadPart(client, manifest, entry.of, body);
      else if (entry?.kind === 'file') {
        const row = await findFileRow(client, entry.of);
        await restoreFile(place.storage, { key: entry.of, sha256: row?.sha256, body }, files);
      } else if (entry?.kind === 'marker') ledger.set(entry.of, await text(body));
      else body.resume();
    }
    await finishStaging(client, place.connection, manifest, end);
    // Before the swap, so that a crash between the two forgets nobody who was deleted.
    await recordUnfinished(client, place);
    const { isNewer, known } = await mergeLedger(place.storage, ledger, beside);
    const newest = (await findMarkers(place.storage))?.newest.number ?? 0;
    const swapped = await swap(client, manifest.made_at, newest);
    // Its posts are settled, so that the next start may take the database as it is.
    await removeAllMarkers(place.storage);
    await removeUnnamedFiles(client, place.storage);
    const deletedSince = await countCreators(client, known);
    return { ...files, ...swapped, deletedSince, isLedgerNewer: isNewer };
  } catch (error) {
    await dropStaging(client).catch(() => {});
    throw error;
  }
}

/**
 * Writes a file if its content has the hash of its row, so that a damaged copy replaces no good
 * file, and counts it in `files`. If the restore fails later, the sweep removes this file without a
 * row.
 */
async function restoreFile(
  storage: Storage,
  file: { key: string; sha256: string | undefined; body: Entry['body'] },
  files: Files,
): Promise<void> {
  const onlyIf = (sha256: string) => file.sha256 === sha256;
  const { bytes, sha256 } = await storage.write(file.key, file.body, { onlyIf });
  if (onlyIf(sha256)) {
    files.files += 1;
    files.bytes += bytes;
  } else files.damaged += 1;
}

/**
 * Adds to the storage's ledger what the backup (`inside`) and the folder of backups (`beside`)
 * know. Returns all ids that are `known`, and whether the storage knew one that the backup does
 * not.
 */
async function mergeLedger(
  storage: Storage,
  inside: Ledger,
  beside: Ledger,
): Promise<{ known: string[]; isNewer: boolean }> {
  const { markers: own } = await readLedger(storage);
  const others = new Map([...beside, ...inside]);
  for (const [creatorId, marker] of others) {
    if (!own.has(creatorId)) await storage.putMarker(LEDGER, creatorId, marker);
  }
  return {
    known: [...new Set([...own.keys(), ...others.keys()])],
    isNewer: [...own.keys()].some((creatorId) => !inside.has(creatorId)),
  };
}

async function countCreators(client: pg.Client, ids: string[]): Promise<number> {
  const { rows } = await client.query(
    'select count(*)::int as count from public.creators where id = any ($1)',
    [ids],
  );
  return rows[0].count;
}

/**
 * Removes the files of the replaced database, which have no row, now rather than at the next sweep.
 */
async function removeUnnamedFiles(client: pg.Client, storage: Storage): Promise<void> {
  let keys: string[] = [];
  const removeSome = async () => {
    const { rows } = await client.query(
      'select key from unnest($1::text[]) as key where not exists (select from public.media where storage_key = key)',
      [keys],
    );
    for (const { key } of rows) await storage.remove(key);
    keys = [];
  };
  for await (const { key } of storage.list()) {
    keys.push(key);
    if (keys.length >= KEYS_AT_ONCE) await removeSome();
  }
  await removeSome();
}
