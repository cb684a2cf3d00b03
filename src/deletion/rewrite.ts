// Rewrites the tables that deletions touched, and writes their receipts once the disk holds nothing.
import type pg from 'pg';
import { openPool } from '../base/database.ts';
import { addToNow } from '../base/database-time.ts';
import { clearStatistics, rewriteTables } from '../base/table-rewrite.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import { emptyLog, listLogKeepers, outlastTransactions } from '../base/write-ahead-log.ts';
import type { Context } from '../context/context.ts';
import { hasDiskSpace } from '../storage/disk-space.ts';
import {
  finishRewrite,
  keepRewritten,
  listOwedRewrites,
  type Owed,
  queueRewriteAt,
} from './rewrite-store.ts';

/** The part of the disk's reserve that the database may use for this. */
const RESERVED_BYTES = 150_000_000;

/**
 * Rewrites for all deletions that are due, at once. Every line may run again: what was rewritten is
 * recorded, and the receipts come last.
 */
export async function rewriteDue(ctx: Context, signal: AbortSignal): Promise<void> {
  const owed = await listOwedRewrites(ctx.db);
  if (owed.length === 0) return;
  await onOwnConnection(ctx, async (client) => {
    const missing = await removeFromDisk(ctx, client, owed, signal);
    if (missing) await finish(ctx, owed, missing);
    else await queueRewriteAt(ctx.db, addToNow(ctx.timing.rewriteAgainMs));
  });
}

/** Tells the operator at the start what the database would keep of deleted creators. */
export async function warnOfKeptLog(ctx: Context): Promise<void> {
  const missing = await listLogKeepers((sql) => ctx.db.raw(sql));
  if (missing.length > 0) ctx.log.warn({ event: 'database.keeps_deleted', missing });
}

/** Without the time limits of other queries, and with a short one for locks. */
async function onOwnConnection(
  { connection, timing }: Context,
  work: (client: pg.ClientBase) => Promise<void>,
): Promise<void> {
  const pool = openPool(connection, {
    ...{ lock_timeout: timing.rewriteLockMs, limitMs: QUERY_LIMITS.rewrite },
  });
  try {
    const client = await pool.connect();
    await work(client).finally(() => client.release(true));
  } finally {
    await pool.end();
  }
}

/** Returns what the server keeps in its log, or null when somebody's transaction held it up. */
async function removeFromDisk(
  ctx: Context,
  client: pg.ClientBase,
  owed: Owed[],
  signal: AbortSignal,
): Promise<string[] | null> {
  const older = await outlastTransactions(client, ctx.timing.rewriteOutlastMs);
  if (older > 0) {
    ctx.log.warn({ event: 'deletion.rewrite_waits', transactions: older });
    return null;
  }
  const tables = [...new Set(owed.flatMap(({ rewrite_tables }) => rewrite_tables))].sort();
  const monthly = owed.filter(({ is_monthly }) => is_monthly);
  const large = new Set(monthly.flatMap(({ rewrite_tables }) => rewrite_tables));
  const mayBeLarge = (table: string) => large.has(table);
  const { clean, held } = await rewriteTables(client, tables, {
    mayBeLarge,
    hasRoom: (bytes) => hasRoom(ctx, bytes),
    signal,
  });
  // Before it is recorded what is clean: a run after a kill looks at the other tables alone.
  const isCleared = await clearStatistics(client, tables);
  await keepRewritten(
    ctx.db,
    owed.map(({ id }) => id),
    clean,
  );
  if (held.length > 0) {
    ctx.log.warn({ event: 'deletion.rewrite_waits', tables: held });
    return null;
  }
  const kept = await emptyLog(client);
  return isCleared ? kept : [...kept, 'let the owner of the database clear pg_statistic'];
}

async function finish(ctx: Context, owed: Owed[], missing: string[]): Promise<void> {
  if (missing.length > 0) ctx.log.warn({ event: 'deletion.log_kept', missing });
  for (const deletion of owed) {
    await ctx.db.transaction((trx) =>
      finishRewrite(trx, deletion, { is_log_kept: missing.length > 0 }),
    );
    ctx.log.info({ event: 'deletion.done', deletion_id: deletion.id });
  }
}

/** The new table, its indexes and their part of the log. Of another server's disk we know nothing. */
async function hasRoom({ config }: Context, bytes: number): Promise<boolean> {
  return (
    config.DATABASE_URL !== undefined || hasDiskSpace(config.DATA_DIR, 2 * bytes - RESERVED_BYTES)
  );
}
