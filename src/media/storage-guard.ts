// Refuses a start with a storage that does not hold this database's files.
import { randomUUID } from 'node:crypto';
import { ConfigFaults } from '../base/config.ts';
import type { Context } from '../context/context.ts';
import { findStorageInUse, recordStorageInUse } from './storage-in-use.ts';
import { listNewest } from './store.ts';

const FOLDER = 'instance';
const ADOPT = 'adopt';
const SAMPLE = 10;

/**
 * Compares the id in the database with the marker in the storage, which has the same id as its
 * name. The start fails if they differ: each of two machines has its own disk, a disk is not
 * mounted, or a setting was changed. Throws ConfigFaults.
 */
export async function assertSameStorage(ctx: Context): Promise<void> {
  const { STORAGE } = ctx.config;
  const where = await ctx.storage.open().catch((error) => {
    throw new ConfigFaults([`STORAGE: ${STORAGE} cannot be used. ${error.message}`]);
  });
  const id = await findStorageInUse(ctx.db);
  const markers = await listMarkers(ctx);
  if (id === undefined || !markers.has(id)) {
    const isOurs = id === undefined && !(await lacksFiles(ctx));
    if (!isOurs && !markers.has(ADOPT)) throw new ConfigFaults([elsewhere(where)]);
    await adopt(ctx);
  }
  ctx.log.info({ event: 'storage.in_use', storage: STORAGE, where });
}

/** Writes the marker before the row, since a crash between the two then leaves an unused marker. */
async function adopt(ctx: Context): Promise<void> {
  const id = randomUUID();
  await ctx.storage.putMarker(FOLDER, id, '');
  await recordStorageInUse(ctx.db, id);
  await ctx.storage.removeMarker(FOLDER, ADOPT);
}

/**
 * Returns true if none of the newest files is in the storage, and there are ten of them or the
 * storage is empty. A few missing files alone may have been lost.
 */
async function lacksFiles(ctx: Context): Promise<boolean> {
  const keys = await listNewest(ctx.db, SAMPLE);
  const has = await Promise.all(keys.map((key) => ctx.storage.has(key)));
  if (keys.length === 0 || has.includes(true)) return false;
  return keys.length === SAMPLE || (await ctx.storage.isEmpty());
}

async function listMarkers(ctx: Context): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { name } of ctx.storage.markers(FOLDER)) names.add(name);
  return names;
}

function elsewhere(where: string): string {
  return `STORAGE: the files that the database knows are not in ${where}. Give all processes the same storage (STORAGE, DATA_DIR, S3_BUCKET), mount the disk that is missing, or copy the files there. If they are lost for good, put an empty file ${FOLDER}/${ADOPT}.json there.`;
}
