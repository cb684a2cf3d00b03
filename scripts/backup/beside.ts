// The ledger of deletions beside the backups: a restore on a new machine knows by it who was deleted later.
import { join, resolve } from 'node:path';
import type { Config } from '../../src/base/config.ts';
import { LEDGER, pruneLedger, readLedger } from '../../src/deletion/ledger.ts';
import { createDiskStorage } from '../../src/storage/disk.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ScriptFault } from '../fault.ts';

/** Copies the ledger into the folder; what is there of others stays until it ends by itself. */
export async function copyLedger(config: Config, storage: Storage, folder: string): Promise<void> {
  const beside = createDiskStorage(folder);
  const { notes: known } = await readLedger(beside);
  for (const [creatorId, note] of (await readLedger(storage)).notes) {
    if (known.get(creatorId) !== note) await beside.putMarker(LEDGER, creatorId, note);
  }
  await pruneLedger({ config, storage: beside });
}

/** Creator id → note, of the ledger beside a backup. */
export async function ledgerIn(folder: string): Promise<Map<string, string>> {
  return readLedgerFiles(createDiskStorage(folder), join(resolve(folder), LEDGER));
}

/** A restore that cannot read all would bring the deleted back. */
export async function readLedgerFiles(
  storage: Storage,
  where: string,
): Promise<Map<string, string>> {
  const found = await readLedger(storage).catch(({ code }) => {
    throw new ScriptFault(
      `The ledger of deletions ${where} cannot be read (${code}). Whoever it names would come back. Nothing was changed.`,
    );
  });
  return found.notes;
}
