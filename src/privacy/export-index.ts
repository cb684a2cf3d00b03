// Writes the README of an export: what each file holds, in the words of the declarations.
import type { Config } from '../base/config.ts';
import { databaseNow } from '../base/database-time.ts';
import type { TableDeclaration } from '../base/declaration.ts';
import type { Tables } from './eraser.ts';
import { fillSettings, listKeptTables } from './labels.ts';

export function explainExport(
  config: Config,
  tables: Tables,
  { counts, files }: { counts: Record<string, number>; files: number },
): string {
  const operator = config.OPERATOR_NAME ?? 'this instance';
  return [
    `Everything that ${operator} stores about your account, as of ${databaseNow().toISOString()}.`,
    'data/ holds one JSON file for each kind of record, with one record on each line. Times are in UTC.',
    `media/ holds your files (${files}), named by their storage_key in data/media.json.`,
    'Tokens and hashes are stored but never given out; below they are marked "not shown".',
    ...Object.entries(counts).map(([table, count]) =>
      explainTable(config, table, tables[table] as TableDeclaration, count),
    ),
    'Stored without a link to your account, so that we cannot find what in it is about you:',
    ...listKeptTables(config, tables)
      .filter(({ table }) => !(table in counts))
      .map(({ called, why }) => `- ${called}: ${why}`),
  ].join('\n\n');
}

function explainTable(
  config: Config,
  table: string,
  { called, purpose, columns, secret = [], kept: term }: TableDeclaration,
  count: number,
): string {
  return [
    `data/${table}.json: ${called}, ${count} ${count === 1 ? 'record' : 'records'}`,
    `  Why it is stored: ${fillSettings(purpose, config)}`,
    `  How long: ${fillSettings(term, config)}`,
    ...Object.entries(columns).map(
      ([column, words]) => `  ${column}${secret.includes(column) ? ' (not shown)' : ''}: ${words}`,
    ),
  ].join('\n');
}
