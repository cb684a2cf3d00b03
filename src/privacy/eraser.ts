// Erases every row of one creator, derived from the declarations, so that no table is forgotten.
import type { Knex } from 'knex';
import { quoted } from '../base/database.ts';
import type { Ownership, TableDeclaration } from '../base/declaration.ts';
import type { Manifest } from '../context/context.ts';

export type Tables = Record<string, TableDeclaration>;

/** Returns the declarations of all modules: table → declaration. */
export function declaredTables(modules: Manifest[]): Tables {
  return Object.assign(
    {},
    ...modules.map(({ personalData }) => ('tables' in personalData ? personalData.tables : {})),
  );
}

/**
 * Deletes the creator's rows in the caller's transaction, children before their parents. Returns
 * table → rows deleted or emptied. It may run again.
 */
export async function eraseRows(
  trx: Knex,
  modules: Manifest[],
  creatorId: string,
): Promise<Record<string, number>> {
  const tables = declaredTables(modules);
  const erased: Record<string, number> = {};
  for (const { personalData } of modules) {
    if ('erase' in personalData) {
      Object.assign(erased, await personalData.erase?.(trx, creatorId));
    }
  }
  for (const table of sortChildrenFirst(tables)) {
    const { owner } = tables[table] as TableDeclaration;
    if ('scrub' in owner) {
      erased[table] = await scrub(trx, table, owner.scrub, creatorId);
      continue;
    }
    const whose = selectOwnRows(tables, table, creatorId);
    if (!whose) continue;
    const { rowCount } = await trx.raw(`delete from ${quoted(table)} as t where ${whose.sql}`, [
      ...whose.bindings,
    ]);
    erased[table] = rowCount;
  }
  return erased;
}

async function scrub(
  trx: Knex,
  table: string,
  { by, columns }: { by: string; columns: string[] },
  creatorId: string,
): Promise<number> {
  const emptied = Object.fromEntries([...columns, by].map((column) => [column, null]));
  return trx(table)
    .where({ [by]: creatorId })
    .update(emptied);
}

/**
 * Returns an SQL condition on `t` that is true for the creator's rows of the table; null for a table
 * that holds rows of no creator.
 */
export function selectOwnRows(
  tables: Tables,
  table: string,
  creatorId: string,
): { sql: string; bindings: string[] } | null {
  const { owner } = tables[table] as TableDeclaration;
  if ('by' in owner) return { sql: `t.${quoted(owner.by)} = ?`, bindings: [creatorId] };
  if ('scrub' in owner) return { sql: `t.${quoted(owner.scrub.by)} = ?`, bindings: [creatorId] };
  const link = findParent(owner);
  if (!link) return null;
  const parent = selectOwnRows(tables, link.parent, creatorId);
  if (!parent) throw new Error(`Expected ${link.parent} to belong to creators, as ${table} says`);
  const value = 'payload' in owner ? `t.payload ->> '${link.column}'` : `t.${quoted(link.column)}`;
  const key = 'payload' in owner ? 'id::text' : 'id';
  return {
    sql: `${value} in (select ${key} from ${quoted(link.parent)} as t where ${parent.sql})`,
    bindings: parent.bindings,
  };
}

/** Sorts the tables so that each comes before the one its rows refer to. */
function sortChildrenFirst(tables: Tables): string[] {
  const depth = (table: string): number => {
    const { owner } = tables[table] as TableDeclaration;
    const link = findParent(owner);
    if (link) return 1 + depth(link.parent);
    return table === 'creators' ? 0 : 1;
  };
  return Object.keys(tables).sort((a, b) => depth(b) - depth(a));
}

function findParent(owner: Ownership): { column: string; parent: string } | null {
  const record = 'through' in owner ? owner.through : 'payload' in owner ? owner.payload : {};
  const [entry] = Object.entries(record);
  return entry ? { column: entry[0], parent: entry[1] } : null;
}
