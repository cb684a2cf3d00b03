// Reconciles storage and database (retention.mend): files without a row, rows without a file.
import { z } from 'zod';
import { addToNow, measureSince } from '../base/database-time.ts';
import { HOUR_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { findFileUses } from '../context/hooks.ts';

import { findRegistered, listRegistered, lockFiles, removeRows } from '../media/expiry.ts';
import { findQueuedKeys, queueChore } from '../queue/queue.ts';
import {
  BATCH,
  type Batch,
  createPace,
  inBatches,
  type Pace,
  type Transaction,
} from './batches.ts';
import { removeFiles, type StoredFile } from './files.ts';
import { hasKnownAnybody, RECONCILE_LOCK, whileAlone } from './store.ts';

const RECONCILE_CHORE = 'retention.mend';
// A file is written before its row. After this time its upload was registered or has failed.
const UNKNOWN_MS = HOUR_MS;
const AGAIN_MS = 10_000;

/** How far a walk has come. It is stored in the queue, so that the walk goes on after a crash. */
const position = z.object({ walk: z.enum(['files', 'rows']), after: z.string() });
type Position = z.output<typeof position>;

export async function reconcile(
  ctx: Context,
  payload: unknown,
  signal: AbortSignal,
): Promise<void> {
  const given = position.safeParse(payload).data;
  // The previous walk has not ended, and a new one would begin before it could.
  if (!given && (await findQueuedKeys(ctx.db, [RECONCILE_CHORE])).has(RECONCILE_CHORE)) return;
  const result = await whileAlone(ctx.db, RECONCILE_LOCK, (lost) => {
    const pace = createPace(AbortSignal.any([signal, lost]));
    return walk(ctx, pace, given ?? { walk: 'files', after: '' });
  });
  if (result === 'not_now' && given) await goOn(ctx, given, AGAIN_MS);
  else if (result !== 'not_now' && result !== 'done') await goOn(ctx, result);
}

async function goOn(ctx: Context, at: Position, waitMs = 0): Promise<void> {
  await queueChore(ctx.db, {
    ...{ name: RECONCILE_CHORE, key: RECONCILE_CHORE, payload: at },
    runAt: addToNow(waitMs),
  });
}

async function walk(ctx: Context, pace: Pace, from: Position): Promise<Position | 'done'> {
  if (!(await isOurs(ctx))) return 'done';
  if (from.walk === 'files') {
    const stoppedAt = await walkFiles(ctx, pace, from.after);
    if (stoppedAt !== null) return { walk: 'files', after: stoppedAt };
  }
  const stoppedAt = await walkRows(ctx, pace, from.walk === 'rows' ? from.after : '');
  return stoppedAt === null ? 'done' : { walk: 'rows', after: stoppedAt };
}

/**
 * Whether storage and database belong together. With the wrong database every file looks orphaned,
 * and with an unmounted disk every row does, so nothing is removed then.
 */
async function isOurs(ctx: Context): Promise<boolean> {
  const isKnown = await hasKnownAnybody(ctx.db);
  const isEmpty = await ctx.storage.isEmpty();
  if (isKnown && isEmpty && (await listRegistered(ctx.db, '', 1)).length > 0) {
    ctx.log.error({ event: 'retention.storage_missing' });
  }
  if (!isKnown && !isEmpty) ctx.log.error({ event: 'retention.database_knows_nobody' });
  return isKnown && !isEmpty;
}

interface Found extends StoredFile {
  modifiedAt: Date;
}

/** Removes files without a row. Returns the key at which it stopped, or null at the end. */
async function walkFiles(ctx: Context, pace: Pace, after: string): Promise<string | null> {
  const files = ctx.storage.list(after)[Symbol.asyncIterator]();
  let last = after;
  const isDone = await inBatches(pace, 'files_without_row', async (recordRemoval) => {
    const found = await take(files);
    last = found.at(-1)?.key ?? last;
    const batch = await removeUnknown(ctx, found);
    await recordRemoval(ctx.db, batch);
    return batch;
  });
  return isDone ? null : last;
}

async function take(files: AsyncIterator<Found>): Promise<Found[]> {
  const found: Found[] = [];
  while (found.length < BATCH) {
    const next = await files.next();
    if (next.done) break;
    found.push(next.value);
  }
  return found;
}

async function removeUnknown(ctx: Context, found: Found[]): Promise<Batch> {
  const known = await findRegistered(
    ctx.db,
    found.map(({ key }) => key),
  );
  const batch = { removed: 0, bytes: 0, isLast: found.length < BATCH };
  const unknown = found.filter(
    ({ key, modifiedAt }) => !known.has(key) && measureSince(modifiedAt) > UNKNOWN_MS,
  );
  for (const { bytes } of await removeFiles(ctx, unknown)) {
    batch.removed += 1;
    batch.bytes += bytes;
  }
  return batch;
}

/**
 * Removes rows without a file. A row that a post needs stays: the post fails and says why. Returns
 * the key at which it stopped, or null at the end.
 */
async function walkRows(ctx: Context, pace: Pace, after: string): Promise<string | null> {
  let last = after;
  const isDone = await inBatches(pace, 'rows_without_file', async (recordRemoval) => {
    const keys = await listRegistered(ctx.db, last, BATCH);
    const lost = await withoutFile(ctx, keys);
    last = keys.at(-1) ?? last;
    return ctx.db.transaction(async (trx) => {
      const removed = await removeUnneeded(ctx, trx, lost);
      await recordRemoval(trx, { removed, bytes: 0 });
      return { isLast: keys.length < BATCH };
    });
  });
  return isDone ? null : last;
}

async function removeUnneeded(ctx: Context, trx: Transaction, lost: string[]): Promise<number> {
  const names = (await lockFiles(trx, lost)).map(({ storage_key }) => storage_key);
  const uses = await findFileUses(ctx.modules, trx, names);
  const needed = uses.filter(({ isWorking }) => isWorking).map(({ storage_key }) => storage_key);
  const gone = names.filter((key) => !needed.includes(key));
  await removeRows(trx, gone);
  return gone.length;
}

/** @throws when storage cannot tell whether a file exists: a wrong answer would delete its row. */
async function withoutFile(ctx: Context, keys: string[]): Promise<string[]> {
  const has = await Promise.all(keys.map((key) => ctx.storage.has(key)));
  return keys.filter((_key, index) => !has[index]);
}
