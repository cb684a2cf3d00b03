// Finds the tables that a piece of SQL reads and writes, by the words in front of their names.

export type Use = 'read' | 'write';

const NAME = String.raw`"?([a-z_][a-z0-9_]*(?:"?\."?[a-z_][a-z0-9_]*)?)"?`;
const WRITES = new RegExp(
  String.raw`\b(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|merge\s+into|` +
    String.raw`truncate(?:\s+table)?|copy)\s+${NAME}`,
  'g',
);
const READS = new RegExp(
  String.raw`\b(?:(?<!delete\s)from(?:\s+only)?|join(?:\s+lateral)?|using|lock\s+table)\s+${NAME}`,
  'g',
);
/** `from a as x, b y`: what follows the first name. */
const MORE = new RegExp(String.raw`^(?:\s+(?:as\s+)?[a-z_]+)?\s*,\s*${NAME}`);
const CALLS = /\bgraphile_worker\.[a-z_]+(?=\s*\()/g;

const BEGINNING = new RegExp(
  String.raw`^\s*\(?\s*(?:select|insert into|update|delete from|truncate|lock table|do \$\$|` +
    'with [a-z_]+ as|(?:not )?exists|case when|coalesce|' +
    String.raw`(?:left )?join|from|where|and|or|union)\b`,
);

/** Whether a text is SQL although no SQL function takes it: prose does not begin like this. */
export function isSql(text: string): boolean {
  return BEGINNING.test(text);
}

/** Every table a text names; also what only looks like one, such as `set` in `do update set`. */
export function findSqlTables(text: string): { table: string; use: Use }[] {
  const sql = text.replace(/--.*$/gm, '');
  const found: { table: string; use: Use }[] = [];
  const add = (table: string | undefined, use: Use) =>
    table && found.push({ table: clean(table), use });
  for (const [, table] of sql.matchAll(WRITES)) add(table, 'write');
  for (const match of sql.matchAll(READS)) {
    add(match[1], 'read');
    let rest = sql.slice(match.index + match[0].length);
    for (let more = MORE.exec(rest); more; more = MORE.exec(rest)) {
      add(more[1], 'read');
      rest = rest.slice(more[0].length);
    }
  }
  // A function of the queue's schema adds, changes or frees runs.
  for (const [name] of sql.matchAll(CALLS)) add(name, 'write');
  return found;
}

function clean(table: string): string {
  return table.replaceAll('"', '').replace(/^public\./, '');
}
