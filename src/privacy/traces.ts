// Searches everything that is stored for a creator's identifiers, which a receipt reports on.
import type { Knex } from 'knex';
import { withQueryLimit } from '../base/bounded-client.ts';
import { quoted } from '../base/database.ts';
import type { TableDeclaration } from '../base/declaration.ts';
import { findWorkFolders } from '../base/scratch.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';
import { declaredTables } from './eraser.ts';

/** What identifies a creator in stored data. */
export interface Identifiers {
  creator_id: string;
  open_id: string | null;
  username: string | null;
  /** Keys of the files that could not be removed at once. */
  left_keys: string[];
}

/** A table or the storage, and how often something was found there. It never holds a value. */
export interface Trace {
  place: string;
  count: number;
}

/**
 * Reads every table of every schema, those of the queue too, the storage, and the working folders of
 * this disk. Ids are searched for
 * anywhere in a row. The username is searched for only in columns that an erasure empties: elsewhere
 * it may belong to the person who has it now, or be a word of a caption. `tables`: how many were read.
 */
export async function findTraces(
  ctx: Context,
  who: Identifiers,
): Promise<{ traces: Trace[]; tables: number }> {
  const ids = [who.creator_id, who.open_id].filter((id): id is string => id !== null);
  const traces: Trace[] = [];
  const tables = await listTables(ctx);
  const declared = declaredTables(ctx.modules);
  for (const table of tables) {
    const owner = declared[table.name]?.owner;
    const count = await countRowsWith(ctx, { ...table, owner }, ids, who.username);
    if (count > 0) traces.push({ place: `${table.schema}.${table.name}`, count });
  }
  let files = 0;
  for (const key of who.left_keys) if (await ctx.storage.has(key)) files += 1;
  if (files > 0) traces.push({ place: 'storage', count: files });
  const working = await findWorkFolders(ctx.scratch, who.creator_id);
  if (working.length > 0) traces.push({ place: 'scratch', count: working.length });
  return { traces, tables: tables.length };
}

interface Table {
  schema: string;
  name: string;
}

async function listTables(ctx: Context): Promise<Table[]> {
  const { rows } = await ctx.db.raw(
    `select n.nspname as schema, c.relname as name
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p')
        and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'
      order by 1, 2`,
  );
  return rows as Table[];
}

async function countRowsWith(
  ctx: Context,
  { schema, name, owner }: Table & { owner: TableDeclaration['owner'] | undefined },
  ids: string[],
  username: string | null,
): Promise<number> {
  const conditions = ids.map(() => 'position(? in t::text) > 0');
  const bindings: string[] = [...ids];
  if (username && owner && 'scrub' in owner) {
    // An open request by email may name the person; its words are emptied when it is closed.
    const closed = name === 'deletion_requests' ? 't.closed_at is not null and ' : '';
    for (const column of owner.scrub.columns) {
      conditions.push(`${closed}t.${quoted(column)}::text = ?`);
      bindings.push(username);
    }
  }
  // Without parallel workers: a search on every core would slow down everything else.
  const search = async (trx: Knex): Promise<number> => {
    await trx.raw('set local max_parallel_workers_per_gather = 0');
    const { rows } = await trx.raw(
      `select count(*)::int as count from "${schema}"."${name}" t where ${conditions.join(' or ')}`,
      bindings,
    );
    return rows[0].count;
  };
  return withQueryLimit(QUERY_LIMITS.erasure, () => ctx.db.transaction(search));
}
