// Is there room for more: the storage's own end, and the one that STORAGE_MAX_GB sets.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { sumAll } from './usage.ts';

const GB = 1_000_000_000;
// Adding up a million files takes a while, and a few seconds change little.
const KNOWN_MS = 5_000;
const NEARLY = 0.9;

const known = new WeakMap<Context, { at: number; bytes: Promise<number> }>();

/** Throws `storage_full` when `bytes` more cannot be taken, `unavailable` when nothing can be. */
export async function assertQuota(ctx: Context, bytes = 0): Promise<void> {
  await ctx.storage.check(bytes);
  const maxBytes = ctx.config.STORAGE_MAX_GB * GB;
  if (maxBytes > 0 && (await usedBytes(ctx)) + Math.max(bytes, 1) > maxBytes) {
    throw new Problem(
      'storage_full',
      'This instance keeps as much as it may. Nothing that was uploaded so far is lost; remove what you no longer need, or ask the operator.',
    );
  }
}

/** For those who watch over the instance; `ok` while there is no end to come near to. */
export async function checkStorage(ctx: Context): Promise<'ok' | 'nearly_full' | 'full'> {
  await ctx.storage.check();
  const maxBytes = ctx.config.STORAGE_MAX_GB * GB;
  if (maxBytes === 0) return 'ok';
  const used = (await usedBytes(ctx)) / maxBytes;
  if (used >= 1) return 'full';
  return used >= NEARLY ? 'nearly_full' : 'ok';
}

function usedBytes(ctx: Context): Promise<number> {
  const before = known.get(ctx);
  if (before && Date.now() - before.at < KNOWN_MS) return before.bytes;
  const bytes = sumAll(ctx.db);
  known.set(ctx, { at: Date.now(), bytes });
  bytes.catch(() => known.delete(ctx));
  return bytes;
}
