// Lists the tables of a backup in their order, and copies rows out and in as PostgreSQL's own text.
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { quoted } from '../../src/base/database.ts';
import { ScriptFault } from '../fault.ts';

export interface Table {
  name: string;
  columns: string[];
}

/**
 * Tables that are not in a backup. The queue, in a schema of its own, is not either: the reaper
 * queues a run for each job without one, and the deletion's chore for each unfinished deletion.
 */
export const LEFT_OUT = [
  // The manifest holds the schema's version; migrating makes these rows again.
  'knex_migrations',
  'knex_migrations_lock',
  'schema_migrations',
  // These processes will not exist after a restore.
  'worker_pools',
  // Nor will their working files; a receipt would wait for the disks of another place.
  'scratch_folders',
  // Says how far the database of this storage has come, which is another one after a restore.
  'database_position',
  // Kept for LOG_RETENTION_DAYS at most, which a backup must not extend.
  'request_log',
  // A restore must not sign in again whoever has signed out since; everybody signs in once more.
  'sessions',
  'operator_sessions',
  'oauth_states',
  'rate_limits',
];

const PART_BYTES = 1_000_000;

/**
 * Returns the tables of schema `public`, without LEFT_OUT; a table comes after those it refers to.
 */
export async function listTables(client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query(
    `select c.relname as name,
            array_agg(a.attname::text order by a.attnum) filter (where a.attgenerated = '') as columns,
            (select coalesce(array_agg(distinct target.relname::text), '{}')
               from pg_constraint k join pg_class target on target.oid = k.confrelid
              where k.conrelid = c.oid and k.contype = 'f') as refers_to
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and c.relname <> all ($1)
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
      group by c.oid, c.relname order by c.relname`,
    [LEFT_OUT],
  );
  return sortByReferences(rows);
}

/** Sorts by reference. `refers_to` names the tables that a table's foreign keys point to. */
function sortByReferences(tables: (Table & { refers_to: string[] })[]): Table[] {
  const ordered: Table[] = [];
  const left = new Map(tables.map((table) => [table.name, table]));
  while (left.size > 0) {
    const free = [...left.values()].filter(({ refers_to }) =>
      refers_to.every((name) => !left.has(name)),
    );
    if (free.length === 0) {
      throw new Error(`Expected tables without a circle of references, found ${[...left.keys()]}`);
    }
    for (const { name, columns } of free) {
      ordered.push({ name, columns });
      left.delete(name);
    }
  }
  return ordered;
}

/**
 * Yields a table's rows in parts that each end with a whole row, so that a part can be loaded by
 * itself; returns the number of rows.
 */
export async function* copyOut(
  client: pg.Client,
  { name, columns }: Table,
): AsyncGenerator<Buffer, number> {
  const list = columns.map(quoted).join(', ');
  const stream = client.query(copyTo(`copy public.${quoted(name)} (${list}) to stdout`));
  let kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    kept.push(chunk);
    bytes += chunk.length;
    if (bytes < PART_BYTES) continue;
    const all = Buffer.concat(kept);
    // PostgreSQL writes a line feed in a value as \n, so every line feed ends a row.
    const end = all.lastIndexOf(0x0a) + 1;
    if (end > 0) yield all.subarray(0, end);
    kept = [all.subarray(end)];
    bytes = all.length - end;
  }
  if (bytes > 0) yield Buffer.concat(kept);
  return stream.rowCount ?? 0;
}

/** Loads a part of a table's rows and returns their number. */
export async function copyIn(
  client: pg.Client,
  schema: string,
  { name, columns }: Table,
  body: Readable,
): Promise<number> {
  const target = `${quoted(schema)}.${quoted(name)} (${columns.map(quoted).join(', ')})`;
  const stream = client.query(copyFrom(`copy ${target} from stdin`));
  await pipeline(body, stream);
  return stream.rowCount ?? 0;
}

/** Sets each sequence behind the loaded rows, which came with their own numbers. */
export async function resetSequences(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query(
    `select c.relname as table_name, a.attname as column_name,
            pg_get_serial_sequence(format('%I.%I', $1::text, c.relname), a.attname) as sequence
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = $1::regnamespace and c.relkind = 'r' and c.relname <> all ($2)
        and pg_get_serial_sequence(format('%I.%I', $1::text, c.relname), a.attname) is not null`,
    [schema, LEFT_OUT],
  );
  for (const { table_name, column_name, sequence } of rows) {
    const column = quoted(column_name);
    await client.query(
      `select setval($1::regclass, coalesce(max(${column}), 1), max(${column}) is not null)
         from ${quoted(schema)}.${quoted(table_name)}`,
      [sequence],
    );
  }
}

/** Throws unless each table has as many rows as the backup says. */
export async function assertCounts(
  client: pg.Client,
  schema: string,
  counts: Record<string, number>,
): Promise<void> {
  for (const [name, expected] of Object.entries(counts)) {
    const { rows } = await client.query(
      `select count(*)::int as count from ${quoted(schema)}.${quoted(name)}`,
    );
    if (rows[0].count !== expected) {
      throw new ScriptFault(
        `Table ${name} has ${rows[0].count} rows after reading, and ${expected} in the backup. Nothing was changed.`,
      );
    }
  }
}
