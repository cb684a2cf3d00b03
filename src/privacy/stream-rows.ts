// Reads rows by a cursor into an unlinked file, so that a slow reader holds no transaction open.
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Knex } from 'knex';
import { withQueryLimit } from '../base/bounded-client.ts';
import { quoted } from '../base/database.ts';
import { QUERY_LIMITS } from '../base/timing.ts';
import type { Context } from '../context/context.ts';

const ROWS_AT_ONCE = 500;

interface Selection {
  table: string;
  columns: string[];
  whose: { sql: string; bindings: string[] };
}

/** Returns the rows as a JSON array, one on each line, and their count. Memory stays flat. */
export async function streamRows(
  ctx: Context,
  selection: Selection,
): Promise<{ rows: number; body: Readable }> {
  const path = join(ctx.scratch, `${randomUUID()}.json`);
  const file = await open(path, 'wx+', 0o600);
  try {
    // The open file is unlinked at once, so nothing of it stays on the disk after a crash.
    await rm(path);
    const work = (trx: Knex) => writeRows(trx, file, selection);
    const rows = await withQueryLimit(QUERY_LIMITS.export, () => ctx.db.transaction(work));
    return { rows, body: file.createReadStream({ start: 0 }) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function writeRows(
  trx: Knex,
  file: FileHandle,
  { table, columns, whose }: Selection,
): Promise<number> {
  const list = columns.map((column) => `t.${quoted(column)}`).join(', ');
  await trx.raw(
    `declare streamed no scroll cursor for select ${list} from ${quoted(table)} as t where ${whose.sql}`,
    whose.bindings,
  );
  let count = 0;
  for (;;) {
    const { rows } = await trx.raw(`fetch ${ROWS_AT_ONCE} from streamed`);
    if (rows.length === 0) break;
    const lines = rows.map((row: object) => JSON.stringify(row)).join(',\n');
    await file.appendFile(`${count === 0 ? '[\n' : ',\n'}${lines}`);
    count += rows.length;
  }
  await file.appendFile(count === 0 ? '[]\n' : '\n]\n');
  return count;
}
