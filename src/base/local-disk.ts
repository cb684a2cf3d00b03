// Refuses network file systems for the embedded PostgreSQL: their locks and writes may be lost.
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresFault } from './postgres-programs.ts';

/** The numbers by which statfs(2) knows them. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'SMB'],
]);

/** Returns the name of a network file system; undefined for every other number of statfs. */
export function findNetworkFileSystem(type: number): string | undefined {
  // Older kernels return the number with a sign.
  return NETWORK_FILE_SYSTEMS.get(type >>> 0);
}

/** @throws EmbeddedPostgresFault if the folder, or where it will be made, is on a network. */
export function assertLocalDisk(folder: string): void {
  const name = findNetworkFileSystem(
    statfsSync(existsSync(folder) ? folder : dirname(folder)).type,
  );
  if (name === undefined) return;
  throw new EmbeddedPostgresFault(
    `${folder} is on ${name}, where a lock may be lost and two servers may ruin one database. Put DATA_DIR on a disk of this machine, or set DATABASE_URL.`,
  );
}
