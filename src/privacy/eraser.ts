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
 * Lists the tables whose files may still hold something of a creator after an erasure, also of rows
 * that were changed or deleted long before it. Those that name nobody, and logs whose rows stay for
 * days in any case, are not among them.
 */
export function listMarkedTables(tables: Tables): string[] {
  return Object.entries(tables).flatMap(([table, { owner, about, ends }]) => {
    const isOfNobody = 'keep' in owner && !('scrub' in owner);
    const isShortLived = about === 'technical' && typeof ends?.after !== 'object';
    return !isOfNobody || about === 'evidence' || isShortLived ? [table] : [];
  });
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
  const through = findLinks(owner).map(({ column, parent }) => {
    const rows = selectOwnRows(tables, parent, creatorId);
    if (!rows) throw new Error(`Expected ${parent} to belong to creators, as ${table} says`);
    const value = 'payload' in owner ? `t.payload ->> '${column}'` : `t.${quoted(column)}`;
    const key = 'payload' in owner ? 'id::text' : 'id';
    return {
      sql: `${value} in (select ${key} from ${quoted(parent)} as t where ${rows.sql})`,
      bindings: rows.bindings,
    };
  });
  if (through.length === 0) return null;
  return {
    sql: `(${through.map(({ sql }) => sql).join(' or ')})`,
    bindings: through.flatMap(({ bindings }) => bindings),
  };
}

/** Sorts the tables so that each comes before the one its rows refer to. */
function sortChildrenFirst(tables: Tables): string[] {
  const depth = (table: string): number => {
    const { owner } = tables[table] as TableDeclaration;
    const links = findLinks(owner);
    if (links.length > 0) return 1 + Math.max(...links.map(({ parent }) => depth(parent)));
    return table === 'creators' ? 0 : 1;
  };
  return Object.keys(tables).sort((a, b) => depth(b) - depth(a));
}

/** The columns through which a row names one of another table. */
function findLinks(owner: Ownership): { column: string; parent: string }[] {
  const record = 'through' in owner ? owner.through : 'payload' in owner ? owner.payload : {};
  return Object.entries(record).map(([column, parent]) => ({ column, parent }));
}
