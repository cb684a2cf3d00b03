// Counts what a deletion would remove, and checks the name that a person types to confirm it.
import { listKeys } from '../access/keys.ts';
import type { Context } from '../context/context.ts';
import type { Creator } from '../creators/store.ts';
import type { Status } from '../jobs/states.ts';
import { countByStatus } from '../jobs/stats.ts';
import { sumMedia } from '../media/usage.ts';
import { declaredTables } from '../privacy/eraser.ts';
import { type Kept, listKeptTables } from '../privacy/labels.ts';

export interface DeletionPreview {
  posts: { status: Status; count: number }[];
  files: number;
  bytes: number;
  keys: number;
  /** The username or the creator id, which the person types to confirm. */
  name: string;
  /** What stays stored after the deletion, and why. */
  remains: Kept[];
  /** Whether TikTok still permits us to act for this creator. */
  hasGrant: boolean;
}

export async function previewDeletion(ctx: Context, creator: Creator): Promise<DeletionPreview> {
  const counts = await countByStatus(ctx.db, creator.id);
  const { files, bytes } = await sumMedia(ctx.db, creator.id);
  return {
    posts: counts,
    files,
    bytes,
    keys: (await listKeys(ctx, creator.id)).length,
    name: creator.username ?? creator.id,
    remains: listKeptTables(ctx.config, declaredTables(ctx.modules)),
    hasGrant: creator.disconnected_at === null,
  };
}

/** Accepts the username or the creator id. Letter case and a leading @ do not matter. */
export function isConfirmed({ id, username }: Creator, typed: string): boolean {
  const plain = (name: string) => name.trim().replace(/^@/, '').toLowerCase();
  const given = plain(typed);
  return given === id || (username !== null && given === plain(username));
}
