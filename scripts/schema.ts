// Writes the schema from PostgreSQL's catalogue into migrations/schema.sql, and new migrations into landed.json.
// pg_dump is not used, since it refuses a server of a newer major version.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Database, openDatabase } from '../src/base/database.ts';
import { startEmbeddedPostgres } from '../src/base/embedded-postgres.ts';
import { createLog } from '../src/base/log.ts';
import { migrateThrough, migrationNames } from '../src/base/migrations.ts';
import { runScript } from './fault.ts';
import { updateLanded } from './landed-migrations.ts';

export const SCHEMA_FILE = resolve(import.meta.dirname, '../migrations/schema.sql');

/**
 * Returns the SQL of tables, columns, constraints, indexes, triggers and functions of schema
 * `public`, in a stable order.
 */
export async function printSchema(db: Database): Promise<string> {
  const { rows: columns } = await db.raw(`
    select c.table_name, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
           a.attnotnull as is_required, pg_get_expr(d.adbin, d.adrelid) as default_value,
           a.attidentity <> '' as is_identity
      from information_schema.tables c
      join pg_attribute a on a.attrelid = format('public.%I', c.table_name)::regclass and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where c.table_schema = 'public' and c.table_type = 'BASE TABLE'
     order by c.table_name, a.attnum`);
  const { rows: constraints } = await db.raw(`
    select conrelid::regclass::text as table_name, conname as name, pg_get_constraintdef(oid) as definition
      from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' order by 1, contype desc, 2`);
  const { rows: indexes } = await db.raw(`
    select tablename as table_name, indexdef as definition from pg_indexes
     where schemaname = 'public' and indexname not in (select conname from pg_constraint) order by 1, indexname`);
  const { rows: triggers } = await db.raw(`
    select tgrelid::regclass::text as table_name, pg_get_triggerdef(oid) as definition
      from pg_trigger where not tgisinternal order by 1, tgname`);
  const { rows: functions } = await db.raw(`
    select pg_get_functiondef(oid) as definition
      from pg_proc where pronamespace = 'public'::regnamespace order by proname`);
  const tables = [
    ...new Set(columns.map((each: { table_name: string }) => each.table_name)),
  ] as string[];
  const of = <T extends { table_name: string }>(rows: T[], table: string) =>
    rows.filter((each) => each.table_name === table);
  const text = tables.map((table) => {
    const lines = [
      ...of(columns as Column[], table).map(columnLine),
      ...of(constraints as Named[], table).map(
        (each) => `  constraint ${each.name} ${each.definition}`,
      ),
    ];
    const after = [...of(indexes as Named[], table), ...of(triggers as Named[], table)].map(
      (each) => `${each.definition};`,
    );
    return [`create table ${table} (`, lines.join(',\n'), ');', ...after].join('\n');
  });
  text.push(...functions.map((each: Named) => `${each.definition.trimEnd()};`));
  return `-- Printed from the catalogue by \`npm run schema\`; a test compares it with the migrations.\n\n${text.join('\n\n')}\n`;
}

interface Column {
  table_name: string;
  name: string;
  type: string;
  is_required: boolean;
  default_value: string | null;
  is_identity: boolean;
}

interface Named {
  table_name: string;
  name: string;
  definition: string;
}

function columnLine({ name, type, is_required, default_value, is_identity }: Column): string {
  const identity = is_identity ? ' generated always as identity' : '';
  const fallback = default_value ? ` default ${default_value}` : '';
  return `  ${name} ${type}${is_required ? ' not null' : ''}${identity}${fallback}`;
}

async function main(): Promise<void> {
  updateLanded();
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-schema-'));
  const postgres = await startEmbeddedPostgres(folder, createLog('error'));
  const db = openDatabase(postgres.connection);
  try {
    await migrateThrough(db, await migrationNames());
    writeFileSync(SCHEMA_FILE, await printSchema(db));
  } finally {
    await db.destroy();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await runScript(main);
