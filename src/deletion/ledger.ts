// The ledger of deletions: one note per deletion beside the media, so that nobody comes back with a backup.

import { z } from 'zod';
import { ConfigFaults } from '../base/config.ts';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { backupsFolder } from '../storage/backups.ts';
import { createDiskStorage } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';

export const LEDGER = 'deletions';
const id = z.guid();
const entry = z.looseObject({ creator_id: id, ends_at: z.iso.datetime() });

/** Durable when it returns. It holds the internal id alone, until the last backup with it has expired. */
export async function recordDeletion(
  ctx: Pick<Context, 'config' | 'storage'>,
  creatorId: string,
): Promise<void> {
  // A day more than the backups live: the last one may have been made while we were deleting.
  const endsAt = new Date(Date.now() + (ctx.config.BACKUP_DAYS + 1) * DAY_MS).toISOString();
  await ctx.storage.putMarker(
    LEDGER,
    creatorId,
    JSON.stringify({ creator_id: creatorId, ends_at: endsAt }),
  );
}

/** Creator id → note; throws unless all could be read. `strays`: files that are none of it. */
export async function readLedger(
  storage: Storage,
): Promise<{ notes: Map<string, string>; strays: number }> {
  const notes = new Map<string, string>();
  let strays = 0;
  for await (const { name, text } of storage.markers(LEDGER)) {
    if (id.safeParse(name).success) notes.set(name, text);
    else strays += 1;
  }
  return { notes, strays };
}

/**
 * Internal ids of everybody who must not be in the database. A ledger that cannot be read ends the
 * start: without it the deleted would be served.
 */
export async function deletedCreators(ctx: Context): Promise<string[]> {
  const { notes, strays } = await readLedger(ctx.storage).catch(({ code }) => {
    const place =
      ctx.config.STORAGE === 'disk'
        ? `DATA_DIR: the ledger of deletions (media/${LEDGER})`
        : `S3_BUCKET: the ledger of deletions (${LEDGER})`;
    throw new ConfigFaults([
      `${place} cannot be read (${code}). Whoever was deleted and came back with a backup would be served. Make it readable for PM3K, then start again.`,
    ]);
  });
  if (strays > 0) ctx.log.warn({ event: 'ledger.stray_files', count: strays });
  // One that cannot be understood still says by its name who was deleted.
  return [...notes].flatMap(([creatorId, text]) => {
    const endsAt = readEnd(text);
    return endsAt === undefined || endsAt > new Date() ? [creatorId] : [];
  });
}

/** Removes ended entries; answers how many. */
export async function pruneLedger(ctx: Pick<Context, 'config' | 'storage'>): Promise<number> {
  let removed = 0;
  for (const [creatorId, text] of (await readLedger(ctx.storage)).notes) {
    const endsAt = readEnd(text);
    // It would else be kept for ever.
    if (endsAt === undefined) await recordDeletion(ctx, creatorId);
    else if (endsAt <= new Date()) {
      await ctx.storage.removeMarker(LEDGER, creatorId);
      removed += 1;
    }
  }
  return removed;
}

/** The same for its copy beside the backups, where those are made by default. */
export async function pruneLedgerBeside({ config }: Context): Promise<number> {
  return pruneLedger({ config, storage: createDiskStorage(backupsFolder(config.DATA_DIR)) });
}

/** Undefined for what cannot be understood. */
function readEnd(text: string): Date | undefined {
  try {
    return new Date(entry.parse(JSON.parse(text)).ends_at);
  } catch {
    return undefined;
  }
}
