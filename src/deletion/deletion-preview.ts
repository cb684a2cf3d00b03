// What leaving means for one creator, in numbers, and the name that must be typed for it.

import { listKeys } from '../access/keys.ts';
import type { Context } from '../context/context.ts';
import type { Creator } from '../creators/store.ts';
import type { Status } from '../jobs/states.ts';
import { countByStatus } from '../jobs/stats.ts';
import { sumMedia } from '../media/usage.ts';
import { declaredTables } from '../privacy/eraser.ts';
import { type Kept, kept } from '../privacy/labels.ts';

export interface DeletionPreview {
  posts: { status: Status; count: number }[];
  files: number;
  bytes: number;
  keys: number;
  /** What to type, ready to copy. */
  name: string;
  remains: Kept[];
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
    remains: kept(ctx.config, declaredTables(ctx.modules)),
    hasGrant: creator.disconnected_at === null,
  };
}

/** The username or the creator id; letter case and a leading @ do not matter. */
export function isConfirmed({ id, username }: Creator, typed: string): boolean {
  const plain = (name: string) => name.trim().replace(/^@/, '').toLowerCase();
  const given = plain(typed);
  return given === id || (username !== null && given === plain(username));
}
