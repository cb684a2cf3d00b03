// A row in every table that belongs to creators, with a canary of its own in every column that takes a text.
import { randomUUID } from 'node:crypto';
import { quoted } from '../../src/base/database.ts';
import type { TableDeclaration } from '../../src/base/declaration.ts';
import type { Context } from '../../src/context/context.ts';
import { selectOwnRows, type Tables } from '../../src/privacy/eraser.ts';

interface Column {
  name: string;
  type: string;
  /** What a check of the table lets in, else null. */
  allowed: string | null;
  /** The table it points at, else null. */
  target: string | null;
  is_nullable: boolean;
}

interface Place {
  ctx: Context;
  ids: Record<string, string>;
  declaration: TableDeclaration;
  table: string;
  canary: string;
}

export function ownedTables(tables: Tables): string[] {
  return Object.keys(tables).filter((table) => selectOwnRows(tables, table, randomUUID()));
}

/** A row in every table that belongs to creators, with a canary of its own in every column. */
export async function planted(
  ctx: Context,
  tables: Tables,
  who: string,
): Promise<{ id: string; canaries: Map<string, string> }> {
  const ids: Record<string, string> = {
    ...{ creators: randomUUID(), jobs: randomUUID(), uploads: randomUUID() },
  };
  const canaries = new Map<string, string>();
  const depth = (table: string) => ({ creators: 0, jobs: 1, uploads: 1 })[table] ?? 2;
  for (const table of ownedTables(tables).sort((a, b) => depth(a) - depth(b))) {
    const row: Record<string, unknown> = {};
    for (const column of await columnsOf(ctx, table)) {
      const canary = `canary${who}${table}${column.name}`
        .replaceAll(/[^a-z]/gi, '')
        .padEnd(24, 'x');
      const value = plantedValue(column, {
        ctx,
        ids,
        declaration: tables[table] as TableDeclaration,
        table,
        canary,
      });
      row[column.name] = value;
      if (JSON.stringify(value)?.includes(canary)) canaries.set(`${table}.${column.name}`, canary);
    }
    const names = Object.keys(row).map(quoted).join(', ');
    const marks = Object.keys(row).map(() => '?');
    await ctx.db.raw(
      `insert into ${quoted(table)} (${names}) values (${marks})`,
      Object.values(row) as string[],
    );
  }
  return { id: ids['creators'] as string, canaries };
}

function plantedValue(
  { name, type, allowed, target, is_nullable }: Column,
  { ctx, ids, declaration: { owner }, table, canary }: Place,
): unknown {
  if (name === 'id' && ids[table]) return ids[table];
  if ('payload' in owner && name === 'payload') {
    return JSON.stringify({ job_id: ids['jobs'], words: canary });
  }
  // Of several ways to a creator each row goes one.
  if ('through' in owner && Object.keys(owner.through).indexOf(name) > 0) return null;
  if (target && ids[target]) return ids[target];
  if (target) return is_nullable ? null : ctx.db.raw(`(select min(id) from ${target})`);
  if (allowed) return allowed;
  if (type === 'text') return canary;
  if (type === 'text[]') return [canary];
  if (type === 'uuid') return randomUUID();
  if (type === 'uuid[]') return [randomUUID()];
  if (type === 'jsonb' || type === 'json') return JSON.stringify({ canary });
  if (type === 'boolean') return true;
  if (type.startsWith('timestamp')) return new Date();
  if (type === 'date') return '2026-11-25';
  return 7;
}

/** Every column of a table that can be written, with what its constraints ask. */
async function columnsOf(ctx: Context, table: string): Promise<Column[]> {
  const { rows } = await ctx.db.raw(
    `select a.attname as name, format_type(a.atttypid, null) as type, not a.attnotnull as is_nullable,
            (select (regexp_match(pg_get_constraintdef(c.oid), $$'([^']+)'::text$$))[1] from pg_constraint c
              where c.conrelid = a.attrelid and c.contype = 'c' and c.conkey = array[a.attnum] limit 1) as allowed,
            (select c.confrelid::regclass::text from pg_constraint c
              where c.conrelid = a.attrelid and c.contype = 'f' and c.conkey = array[a.attnum] limit 1) as target
       from pg_attribute a
      where a.attrelid = '${quoted(table)}'::regclass and a.attnum > 0 and not a.attisdropped
        and a.attidentity <> 'a' and a.attgenerated = ''`,
  );
  return rows as Column[];
}
