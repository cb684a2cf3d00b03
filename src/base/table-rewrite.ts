// Rewrites tables, so that nothing of deleted rows stays in their files, indexes and statistics.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { quoted } from './database.ts';

/** A larger table would be locked for too long, so it is rewritten only where that is asked for. */
const LARGE_BYTES = 256 * 1024 * 1024;

const LOCK_NOT_AVAILABLE = '55P03';
const LOCK_TRIES = 5;
const LOCK_PAUSE_MS = 200;

export interface RewriteResult {
  /** Nothing that was deleted before is left in their files. */
  clean: string[];
  /** Above the limit, and not rewritten. */
  large: string[];
  /** Others held them, the disk is full, or this role may not rewrite them. */
  held: string[];
}

export interface RewriteOptions {
  /** Whether a table is rewritten also if it is larger than `largeBytes`. */
  mayBeLarge: (table: string) => boolean;
  largeBytes?: number;
  /** Whether the disk has room for a table of this size once more. */
  hasRoom?: (bytes: number) => Promise<boolean>;
  signal: AbortSignal;
}

/**
 * Rewrites each table by `vacuum full`, which also makes its indexes anew; plain `vacuum` leaves the
 * bytes of deleted rows in the pages. `client` is a session with a short `lock_timeout` of its own:
 * whoever waits for a table waits at most that long for us.
 */
export async function rewriteTables(
  client: pg.ClientBase,
  tables: string[],
  { mayBeLarge, signal, largeBytes = LARGE_BYTES, hasRoom = async () => true }: RewriteOptions,
): Promise<RewriteResult> {
  const result: RewriteResult = { clean: [], large: [], held: [] };
  for (const table of tables) {
    signal.throwIfAborted();
    const found = await inspectTable(client, table);
    if (!found || found.is_blank) {
      result.clean.push(table);
    } else if (found.bytes > largeBytes && !mayBeLarge(table)) {
      result.large.push(table);
    } else {
      const isDone = (await hasRoom(found.bytes)) && (await rewrite(client, table));
      result[isDone ? 'clean' : 'held'].push(table);
    }
  }
  return result;
}

/** `is_blank`: table, TOAST and indexes have no page that could hold anything. */
async function inspectTable(
  client: pg.ClientBase,
  table: string,
): Promise<{ bytes: number; is_blank: boolean } | undefined> {
  const { rows } = await client.query(
    `select pg_total_relation_size(c.oid) as bytes,
            pg_relation_size(c.oid) = 0 and pg_indexes_size(c.oid) <= 8192 * indexes.count
              and (c.reltoastrelid = 0 or pg_relation_size(c.reltoastrelid) = 0) as is_blank
       from pg_class c
       cross join lateral (select count(*) from pg_index where indrelid = c.oid) indexes
      where c.oid = to_regclass($1)`,
    [quoted(table)],
  );
  return rows[0];
}

/** Returns false where the lock was not to be had, or where PostgreSQL skipped the table. */
async function rewrite(client: pg.ClientBase, table: string): Promise<boolean> {
  const before = await findFile(client, table);
  for (let tries = 1; tries <= LOCK_TRIES; tries += 1) {
    try {
      await client.query(`vacuum (full, analyze) ${quoted(table)}`);
      // Without the right to it PostgreSQL only warns.
      return (await findFile(client, table)) !== before;
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    }
    await sleep(LOCK_PAUSE_MS);
  }
  return false;
}

async function findFile(client: pg.ClientBase, table: string): Promise<number | null> {
  const { rows } = await client.query('select pg_relation_filenode(to_regclass($1)) as file', [
    quoted(table),
  ]);
  return rows[0].file;
}

/**
 * Clears what the planner's statistics hold of the tables' values. `analyze` replaces them, but not
 * those of an empty table, and it leaves the old ones in the pages of `pg_statistic`. Returns false
 * where this role may not do that.
 */
export async function clearStatistics(client: pg.ClientBase, tables: string[]): Promise<boolean> {
  for (const table of await listLarge(client, tables))
    await client.query(`analyze ${quoted(table)}`);
  const isCleared = await dropStatisticsOfEmpty(client, tables);
  return (await rewrite(client, 'pg_catalog.pg_statistic')) && isCleared;
}

async function listLarge(client: pg.ClientBase, tables: string[]): Promise<string[]> {
  const { rows } = await client.query(
    `select name from unnest($1::text[], $2::text[]) as t(name, quoted)
      where pg_total_relation_size(to_regclass(quoted)) > $3`,
    [tables, tables.map(quoted), LARGE_BYTES],
  );
  return rows.map(({ name }) => name);
}

const OF_EMPTY = `
  from pg_class c where c.oid = any(array(select to_regclass(name) from unnest($1::text[]) as t(name)))
   and pg_relation_size(c.oid) = 0`;

async function dropStatisticsOfEmpty(client: pg.ClientBase, tables: string[]): Promise<boolean> {
  const names = [tables.map(quoted)];
  const { rows } = await client.query('select rolsuper from pg_roles where rolname = current_user');
  if (rows[0]?.rolsuper) {
    await client.query(
      `delete from pg_catalog.pg_statistic where starelid in (
         select c.oid ${OF_EMPTY}
         union all
         select i.indexrelid from pg_index i where i.indrelid in (select c.oid ${OF_EMPTY}))`,
      names,
    );
    return true;
  }
  const left = await client.query(
    `select from pg_stats s where (s.schemaname, s.tablename) in (
       select c.relnamespace::regnamespace::text, c.relname ${OF_EMPTY}) limit 1`,
    names,
  );
  return left.rowCount === 0;
}
