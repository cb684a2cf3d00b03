// Copies the ledger of deletions beside the backups, for restores on another machine.
import { join, resolve } from 'node:path';
import type { Config } from '../../src/base/config.ts';
import { LEDGER, pruneLedger, readLedger } from '../../src/deletion/ledger.ts';
import { createDiskStorage } from '../../src/storage/disk.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ScriptFault } from '../fault.ts';

/** Copies the ledger into the folder. Entries of other machines stay there until they expire. */
export async function copyLedger(config: Config, storage: Storage, folder: string): Promise<void> {
  const beside = createDiskStorage(folder);
  const { markers: known } = await readLedger(beside);
  for (const [creatorId, marker] of (await readLedger(storage)).markers) {
    if (known.get(creatorId) !== marker) await beside.putMarker(LEDGER, creatorId, marker);
  }
  await pruneLedger({ config, storage: beside });
}

/** Returns creator id → marker, of the ledger beside a backup. */
export async function ledgerIn(folder: string): Promise<Map<string, string>> {
  return readLedgerFiles(createDiskStorage(folder), join(resolve(folder), LEDGER));
}

/**
 * Returns creator id → marker, of the ledger in a storage. `where` names it for the operator.
 *
 * @throws ScriptFault when it cannot be read: a restore without it would bring deleted people back.
 */
export async function readLedgerFiles(
  storage: Storage,
  where: string,
): Promise<Map<string, string>> {
  const found = await readLedger(storage).catch(({ code }) => {
    throw new ScriptFault(
      `The ledger of deletions ${where} cannot be read (${code}). Whoever it names would come back. Nothing was changed.`,
    );
  });
  return found.markers;
}
