// Checks the free space of the storage and STORAGE_MAX_GB before bytes are accepted.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { sumAll } from './usage.ts';

const GB = 1_000_000_000;
// The sum over a million files is slow, and a few seconds change it little.
const KNOWN_MS = 5_000;
const NEARLY = 0.9;

const known = new WeakMap<Context, { at: number; bytes: Promise<number> }>();

/**
 * Checks that `bytes` more can be stored.
 * @throws Problem `storage_full`, or `unavailable` if the storage cannot be reached.
 */
export async function assertQuota(ctx: Context, bytes = 0): Promise<void> {
  await ctx.storage.check(bytes);
  const maxBytes = ctx.config.STORAGE_MAX_GB * GB;
  if (maxBytes > 0 && (await usedBytes(ctx)) + Math.max(bytes, 1) > maxBytes) {
    throw new Problem(
      'storage_full',
      'The storage of this service is full. Remove files that you no longer need, or ask the operator. Your files are still here.',
    );
  }
}

/** Returns how full STORAGE_MAX_GB is, for `/readyz`. It is `ok` if no limit is set. */
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
  if (before && performance.now() - before.at < KNOWN_MS) return before.bytes;
  const bytes = sumAll(ctx.db);
  known.set(ctx, { at: performance.now(), bytes });
  bytes.catch(() => known.delete(ctx));
  return bytes;
}
