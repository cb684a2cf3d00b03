// The ledger of deletions: one note per deletion beside the media, so that nobody comes back with a backup.
import { z } from 'zod';
import type { Context } from '../context.ts';

export const LEDGER = 'deletions';
const DAY_MS = 86_400_000;
const entry = z.looseObject({ creator_id: z.uuid(), ends_at: z.iso.datetime() });

/** Durable when it returns. It holds the internal id alone, until the last backup with it has expired. */
export async function recordDeletion(
  ctx: Pick<Context, 'config' | 'storage'>,
  creator_id: string,
): Promise<void> {
  // A day more than the backups live: the last one may have been made while we were deleting.
  const ends_at = new Date(Date.now() + (ctx.config.BACKUP_DAYS + 1) * DAY_MS).toISOString();
  await ctx.storage.putNote(LEDGER, creator_id, JSON.stringify({ creator_id, ends_at }));
}

/** Internal ids of everybody who must not be in the database. Ended entries are removed on the way. */
export async function deletedCreators(ctx: Context): Promise<string[]> {
  const ids: string[] = [];
  for await (const { name, text } of ctx.storage.notes(LEDGER)) {
    const parsed = entry.safeParse(jsonOf(text));
    // One that cannot be read still says by its name who was deleted.
    if (!parsed.success || new Date(parsed.data.ends_at) > new Date()) ids.push(name);
    else await ctx.storage.removeNote(LEDGER, name);
  }
  return ids;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
