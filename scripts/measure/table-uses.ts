// Finds where a file reads and writes tables: knex chains, builders kept under a name, and raw SQL.
import { findSqlTables, isSql, type Use } from './sql.ts';
import { findLine, type Node, type SourceFile, walk } from './tree.ts';

export interface TableUse {
  path: string;
  line: number;
  table: string;
  use: Use;
}

const CONNECTIONS = ['db', 'trx', 'tx', 'knex', 'database', 'connection', 'transaction'];
const TABLE_METHODS =
  /^(?:from|into|table|batchInsert|using|join|(?:left|right|inner|cross|full)(?:Outer)?Join)$/;
const WRITE_METHODS =
  /^(?:insert|update|delete|del|truncate|increment|decrement|upsert|merge|batchInsert)$/;
const RAW_METHODS = /(?:^raw|Raw|^query|^sql)$/;

/** Uses of tables by name; a name that is only known when the program runs is no use. */
export function listTableUses(file: SourceFile): TableUse[] {
  const constants = listConstants(file);
  const connections = listConnections(file);
  const builders = new Map<string, string>();
  const uses: TableUse[] = [];
  const add = (node: Node, table: string, use: Use) =>
    uses.push({ path: file.path, line: findLine(file, node.start), table, use });

  walk(file.program, (node, parents) => {
    if (node.type === 'CallExpression') {
      const method = readMethod(node.callee);
      const isTable = method !== null && TABLE_METHODS.test(method);
      if (!isTable && !isConnection(node.callee, connections)) return;
      const chain = [...listMethodsBefore(node), ...listMethodsAfter(node, parents)];
      const isWrite = chain.some((name) => WRITE_METHODS.test(name)) && !method?.endsWith('oin');
      for (const table of readTables(node.arguments[0], constants)) {
        add(node, table, isWrite ? 'write' : 'read');
        const name = findBuilderName(node, parents);
        if (name !== null && !isWrite) builders.set(name, table);
      }
    }
    const text = readText(node, constants);
    if (text !== null && (isSql(text) || isRawArgument(parents))) {
      for (const { table, use } of findSqlTables(text)) add(node, table, use);
    }
  });

  // `const rows = db('jobs').where(…)`, and then `rows.update(…)`; the same for what a function
  // returns.
  walk(file.program, (node, parents) => {
    const table = builders.get(readName(node) ?? '');
    if (table === undefined) return;
    const chain = listMethodsAfter(node, parents);
    if (chain.some((method) => WRITE_METHODS.test(method))) add(node, table, 'write');
  });
  return uses;
}

/** Names of the file that hold one string, such as a table's. */
function listConstants(file: SourceFile): Map<string, string> {
  const constants = new Map<string, string>();
  walk(file.program, (node) => {
    if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier' || !node.init) return;
    const text = readText(node.init, constants);
    if (text !== null) constants.set(node.id.name, text);
  });
  return constants;
}

/** Names of the file that are a database or a transaction: by habit, or by their type. */
function listConnections(file: SourceFile): Set<string> {
  const names = new Set(CONNECTIONS);
  walk(file.program, (node) => {
    if (node.type !== 'Identifier' || !('typeAnnotation' in node) || !node.typeAnnotation) return;
    const { start, end } = node.typeAnnotation;
    if (/^:\s*Knex(?:\.Transaction)?$/.test(file.text.slice(start, end))) names.add(node.name);
  });
  return names;
}

function isConnection(callee: Node, connections: Set<string>): boolean {
  const name = readName(callee) ?? readMethod(callee);
  if (name !== null) return connections.has(name);
  if (callee.type === 'TSAsExpression') return isConnection(callee.expression, connections);
  if (callee.type === 'LogicalExpression') return isConnection(callee.right, connections);
  return callee.type === 'ConditionalExpression' && isConnection(callee.alternate, connections);
}

function readName(node: Node): string | null {
  return node.type === 'Identifier' ? node.name : null;
}

function readMethod(callee: Node): string | null {
  const isMember = callee.type === 'MemberExpression' && callee.property.type === 'Identifier';
  return isMember ? readName(callee.property) : null;
}

/** `'jobs'`, `'jobs as j'`, `{ j: 'jobs' }`. */
function readTables(argument: Node | undefined, constants: Map<string, string>): string[] {
  if (!argument) return [];
  if (argument.type === 'ObjectExpression') {
    return argument.properties.flatMap((each) =>
      each.type === 'Property' ? readTables(each.value, constants) : [],
    );
  }
  const named = argument.type === 'Identifier' ? constants.get(argument.name) : undefined;
  const text = named ?? readText(argument, constants);
  const match = /^([a-z_][a-z0-9_.]*)(?:\s+as\s+\w+)?$/.exec(text ?? '');
  return match?.[1] ? [match[1]] : [];
}

/** A string, or a template with the constants of the file filled in. */
function readText(node: Node, constants: Map<string, string>): string | null {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : null;
  if (node.type !== 'TemplateLiteral') return null;
  return node.quasis
    .map(({ value }, index) => {
      const expression = node.expressions[index];
      const name = expression && readName(expression);
      return `${value.cooked ?? ''}${expression ? (constants.get(name ?? '') ?? ' ? ') : ''}`;
    })
    .join('');
}

function isRawArgument(parents: readonly Node[]): boolean {
  const call = parents.at(-1);
  if (call?.type !== 'CallExpression') return false;
  return RAW_METHODS.test(readMethod(call.callee) ?? readName(call.callee) ?? '');
}

/** The methods of a chain that stand before a call: `trx.insert(row).into('jobs')` → `insert`. */
function listMethodsBefore(node: Node): string[] {
  if (node.type !== 'CallExpression') return [];
  const method = readMethod(node.callee);
  if (method === null || node.callee.type !== 'MemberExpression') return [];
  return [...listMethodsBefore(node.callee.object), method];
}

/** The methods that stand after a call: `db('jobs').where(…).update(…)` → `where, update`. */
function listMethodsAfter(node: Node, parents: readonly Node[]): string[] {
  const methods: string[] = [];
  let below = node;
  for (const parent of parents.toReversed()) {
    const isNext =
      (parent.type === 'MemberExpression' && parent.object === below) ||
      (parent.type === 'CallExpression' && parent.callee === below) ||
      parent.type === 'ChainExpression' ||
      parent.type === 'TSNonNullExpression';
    if (!isNext) break;
    const method = readMethod(parent);
    if (method !== null) methods.push(method);
    below = parent;
  }
  return methods;
}

/** The variable that keeps a builder, or the function that answers it. */
function findBuilderName(node: Node, parents: readonly Node[]): string | null {
  for (const [index, parent] of [...parents.entries()].toReversed()) {
    if (parent.type === 'VariableDeclarator') return readName(parent.id);
    if (parent.type === 'FunctionDeclaration') return parent.id && readName(parent.id);
    const isStep =
      ['MemberExpression', 'ReturnStatement', 'BlockStatement', 'IfStatement'].includes(
        parent.type,
      ) ||
      parent.type === 'ArrowFunctionExpression' ||
      (parent.type === 'CallExpression' && parent.callee === (parents[index + 1] ?? node));
    if (!isStep) return null;
  }
  return null;
}
