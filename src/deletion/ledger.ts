// Keeps one marker per deletion beside the media, so that a backup brings no deleted creator back.
import { z } from 'zod';
import { ConfigFaults } from '../base/config.ts';
import { addToNow, databaseNow } from '../base/database-time.ts';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { backupsFolder } from '../storage/backups.ts';
import { createDiskStorage } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';

export const LEDGER = 'deletions';
const id = z.guid();
const entry = z.looseObject({ creator_id: id, ends_at: z.iso.datetime() });

/**
 * Writes the marker of a deletion, which is durable when this returns. It holds the internal id
 * alone, and ends when the last backup that can hold the creator has expired.
 */
export async function recordDeletion(
  ctx: Pick<Context, 'config' | 'storage'>,
  creatorId: string,
): Promise<void> {
  // A backup may be made while we delete, so the marker lives a day longer than backups do.
  const endsAt = addToNow((ctx.config.BACKUP_DAYS + 1) * DAY_MS).toISOString();
  await ctx.storage.putMarker(
    LEDGER,
    creatorId,
    JSON.stringify({ creator_id: creatorId, ends_at: endsAt }),
  );
}

/**
 * Returns creator id → the marker's JSON, and in `strays` how many other files lie there.
 * @throws when one of them cannot be read: half a ledger would let deleted creators return.
 */
export async function readLedger(
  storage: Storage,
): Promise<{ markers: Map<string, string>; strays: number }> {
  const markers = new Map<string, string>();
  let strays = 0;
  for await (const { name, text } of storage.markers(LEDGER)) {
    if (id.safeParse(name).success) markers.set(name, text);
    else strays += 1;
  }
  return { markers, strays };
}

/**
 * Returns the internal ids of the creators who must not be in the database.
 * @throws ConfigFaults, which end the start, when the ledger cannot be read: without it we would
 * serve creators who were deleted.
 */
export async function listDeletedCreators(ctx: Context): Promise<string[]> {
  const { markers, strays } = await readLedger(ctx.storage).catch(({ code }) => {
    const place =
      ctx.config.STORAGE === 'disk'
        ? `DATA_DIR: the ledger of deletions (media/${LEDGER})`
        : `S3_BUCKET: the ledger of deletions (${LEDGER})`;
    throw new ConfigFaults([
      `${place} cannot be read (${code}). Without it, creators who were deleted and came back with a backup would be served. Make it readable for PM3K, then start again.`,
    ]);
  });
  if (strays > 0) ctx.log.warn({ event: 'ledger.stray_files', count: strays });
  // The name of a marker says who was deleted, so a damaged text counts as one that has not ended.
  return [...markers].flatMap(([creatorId, text]) => {
    const endsAt = readEnd(text);
    return endsAt === undefined || endsAt > databaseNow() ? [creatorId] : [];
  });
}

/** Removes the markers that have ended. Returns how many. */
export async function pruneLedger(ctx: Pick<Context, 'config' | 'storage'>): Promise<number> {
  let removed = 0;
  for (const [creatorId, text] of (await readLedger(ctx.storage)).markers) {
    const endsAt = readEnd(text);
    // A damaged marker has no end, so it is written anew, with one.
    if (endsAt === undefined) await recordDeletion(ctx, creatorId);
    else if (endsAt <= databaseNow()) {
      await ctx.storage.removeMarker(LEDGER, creatorId);
      removed += 1;
    }
  }
  return removed;
}

/** Does the same for the copy of the ledger that lies in the backups' default folder. */
export async function pruneLedgerBeside({ config }: Context): Promise<number> {
  return pruneLedger({ config, storage: createDiskStorage(backupsFolder(config.DATA_DIR)) });
}

/** Returns undefined for a damaged marker. */
function readEnd(text: string): Date | undefined {
  try {
    return new Date(entry.parse(JSON.parse(text)).ends_at);
  } catch {
    return undefined;
  }
}
