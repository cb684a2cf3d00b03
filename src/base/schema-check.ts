// Compares the tables of a database with those that this version expects.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from './database.ts';

const SCHEMA_FILE = join(import.meta.dirname, '../../migrations/schema.sql');

/** The database does not fit this version. The message says what to do. */
export class SchemaFault extends Error {}

/** @throws SchemaFault if the database lacks a column of `migrations/schema.sql`. */
export async function assertColumns(db: Database): Promise<void> {
  const { rows } = await db.raw(`
    select table_name, column_name from information_schema.columns
     where table_schema = any (current_schemas(false))`);
  const found = new Set(rows.map((row: ColumnRow) => `${row.table_name}.${row.column_name}`));
  const missing = listColumns(await readFile(SCHEMA_FILE, 'utf8')).find(
    ({ table_name, column_name }) => !found.has(`${table_name}.${column_name}`),
  );
  if (!missing) return;
  const { table_name: table, column_name: column } = missing;
  throw new SchemaFault(
    `The table ${table} of this database lacks the column ${column}, although all migrations were applied. Somebody removed it, or the database was changed by another program. Add it as migrations/schema.sql says, or restore a backup.`,
  );
}

interface ColumnRow {
  table_name: string;
  column_name: string;
}

/** Returns the columns of a file that `npm run schema` wrote. */
export function listColumns(schema: string): ColumnRow[] {
  return [...schema.matchAll(/^create table (\w+) \(\n(.*?)\n\);/gms)].flatMap(
    ([, table = '', body = '']) =>
      [...body.matchAll(/^ {2}(?!constraint )(\w+) /gm)].map(([, column = '']) => ({
        ...{ table_name: table, column_name: column },
      })),
  );
}
