// Which folder owns which table, and who reads or writes a table that is not theirs to touch.
import { findFolder, findRank } from './order.ts';
import { listTableUses, type TableUse } from './table-uses.ts';
import { type Node, type SourceFile, walk } from './tree.ts';

/** Table → folder. `graphile_worker.*` stands for every table of that schema. */
export type Owners = Record<string, string>;

/** Tables of tools, whose declarations may stand in a folder that does not use them. */
export const KNOWN_OWNERS: Owners = {
  knex_migrations: 'base',
  knex_migrations_lock: 'base',
  schema_migrations: 'base',
  worker_pools: 'queue',
  'graphile_worker.*': 'queue',
};

/** A table belongs to the folder in which a manifest declares it, unless `known` says otherwise. */
export function findOwners(files: SourceFile[], known: Owners = KNOWN_OWNERS): Owners {
  const owners: Owners = {};
  for (const file of files) {
    for (const table of listDeclaredTables(file)) owners[table] ??= findFolder(file.path);
  }
  return { ...owners, ...known };
}

/** The keys of objects that look like a declaration: `called` for the rows, and `columns`. */
function listDeclaredTables(file: SourceFile): string[] {
  const tables: string[] = [];
  walk(file.program, (node) => {
    if (node.type !== 'Property' || node.value.type !== 'ObjectExpression') return;
    const keys = node.value.properties.map((each) =>
      each.type === 'Property' ? readKey(each.key) : null,
    );
    const table = readKey(node.key);
    if (table && keys.includes('called') && keys.includes('columns')) tables.push(table);
  });
  return tables;
}

function readKey(node: Node): string | null {
  if (node.type === 'Identifier') return node.name;
  return node.type === 'Literal' ? String(node.value) : null;
}

function findOwner(owners: Owners, table: string): string | undefined {
  const [schema] = table.split('.');
  return Object.hasOwn(owners, table) ? owners[table] : owners[`${schema}.*`];
}

/** A sentence for each forbidden use: a write from another folder, a read from a folder below. */
export function listForeignUses(files: SourceFile[], owners = findOwners(files)): string[] {
  return files.flatMap(listTableUses).flatMap((found) => {
    const owner = findOwner(owners, found.table);
    const folder = findFolder(found.path);
    if (owner === undefined || owner === folder) return [];
    const isAbove = findRank(folder) > findRank(owner);
    return found.use === 'read' && isAbove ? [] : [describe(found, owner)];
  });
}

function describe({ path, line, table, use }: TableUse, owner: string): string {
  return `${path}:${line} ${use}s ${table}, which belongs to ${owner}`;
}

/** Tables of a schema file that no folder owns. */
export function listUnownedTables(schema: string, owners: Owners): string[] {
  return [...schema.matchAll(/^create table (\w+)/gm)]
    .map(([, table = '']) => table)
    .filter((table) => findOwner(owners, table) === undefined);
}
