// Puts a checked backup in place: rows beside the real ones, files, the ledger of deletions, then the swap.
import { text } from 'node:stream/consumers';
import type pg from 'pg';
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
  /** Their content is not what their row says: the disk had lost them before. */
  damaged: number;
}

/** What a first reading of the whole backup found. */
export interface Checked {
  manifest: ManifestOfBackup;
  end: EndOfBackup;
}

/** The ledger of deletions, creator id → note. */
type Ledger = Map<string, string>;

export interface PutBack extends Files, Swapped {
  /** Creators of the backup whom the ledger knows as deleted: the next start removes them. */
  deletedSince: number;
  /** Whether the ledger here knew of a deletion that the backup does not. */
  isLedgerNewer: boolean;
}

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
      else if (entry?.kind === 'file') await keepFile(client, place.storage, entry.of, body, files);
      else if (entry?.kind === 'note') ledger.set(entry.of, await text(body));
      else body.resume();
    }
    await finishStaging(client, place.connection, manifest, end);
    // Before the swap: a crash between the two forgets nobody who was deleted.
    await recordUnfinished(client, place);
    const { isNewer, known } = await mergeLedger(place.storage, ledger, beside);
    const swapped = await swap(client, manifest.made_at);
    await removeStrangers(client, place.storage);
    const deletedSince = await countCreators(client, known);
    return { ...files, ...swapped, deletedSince, isLedgerNewer: isNewer };
  } catch (error) {
    await dropStaging(client).catch(() => {});
    throw error;
  }
}

/**
 * A damaged copy takes no whole file's place. A file without a row, which a run that fails later
 * leaves, is what the sweeper removes.
 */
async function keepFile(
  client: pg.Client,
  storage: Storage,
  storageKey: string,
  body: Entry['body'],
  files: Files,
): Promise<void> {
  const row = await findFileRow(client, storageKey);
  const onlyIf = (sha256: string) => row?.sha256 === sha256;
  const { bytes, sha256 } = await storage.write(storageKey, body, { onlyIf });
  if (onlyIf(sha256)) {
    files.files += 1;
    files.bytes += bytes;
  } else files.damaged += 1;
}

/** All that this instance, the backup and the folder of backups know; none of it is lost. */
async function mergeLedger(
  storage: Storage,
  inside: Ledger,
  beside: Ledger,
): Promise<{ known: string[]; isNewer: boolean }> {
  const { notes: own } = await readLedger(storage);
  const others = new Map([...beside, ...inside]);
  for (const [creatorId, note] of others) {
    if (!own.has(creatorId)) await storage.putMarker(LEDGER, creatorId, note);
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
