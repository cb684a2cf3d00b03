// Who imports whom, values and types alike: upward imports, circles, and what a plugin may reach.
import { posix } from 'node:path';
import { findFolder, findRank } from './order.ts';
import { type Node, type SourceFile, walk } from './tree.ts';

const PLUGIN_DOOR = 'src/plugin.ts';

export interface Import {
  from: string;
  /** A file of the project, or the name of a package. */
  to: string;
  /** The names asked for; empty when all of them or none by name. */
  names: string[];
  isOurs: boolean;
  /** Nothing of it is left when the program runs. */
  isType: boolean;
}

/** Imports, re-exports, `import('…')` as a value and as a type, and `declare module '…'`. */
export function listImports(file: SourceFile): Import[] {
  const found: Import[] = [];
  walk(file.program, (node) => {
    const source = findSource(node);
    if (source === null) return;
    const isRelative = source.startsWith('.');
    const to = isRelative ? posix.join(posix.dirname(file.path), source) : source;
    const isOurs = isRelative || source === '#plugin';
    found.push({
      from: file.path,
      to: source === '#plugin' ? PLUGIN_DOOR : to,
      names: listNames(node),
      isOurs,
      isType: isTypeOnly(node),
    });
  });
  return found;
}

function findSource(node: Node): string | null {
  if (
    node.type === 'ImportDeclaration' ||
    node.type === 'ExportAllDeclaration' ||
    node.type === 'ExportNamedDeclaration' ||
    node.type === 'ImportExpression' ||
    node.type === 'TSImportType'
  ) {
    const { source } = node;
    return source?.type === 'Literal' && typeof source.value === 'string' ? source.value : null;
  }
  // Declaration merging depends on the file whose interface it widens.
  if (node.type === 'TSModuleDeclaration' && node.id.type === 'Literal') return node.id.value;
  return null;
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'ImportDeclaration') return node.importKind === 'type';
  if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportAllDeclaration') {
    return node.exportKind === 'type';
  }
  return node.type === 'TSImportType' || node.type === 'TSModuleDeclaration';
}

function listNames(node: Node): string[] {
  if (node.type === 'ImportDeclaration') {
    return node.specifiers.flatMap((each) =>
      each.type === 'ImportSpecifier' ? [readName(each.imported)] : [],
    );
  }
  if (node.type === 'ExportNamedDeclaration') {
    return node.specifiers.map(({ local }) => readName(local));
  }
  return [];
}

function readName(node: Node): string {
  if (node.type === 'Identifier') return node.name;
  return node.type === 'Literal' ? String(node.value) : '';
}

/** `file → file` for each import that the order forbids; also files of folders it does not know. */
export function listUpwardImports(files: SourceFile[]): string[] {
  const unknown = files
    .filter(({ path }) => findRank(findFolder(path)) < 0)
    .map(({ path }) => `${path} stands in a folder that the order does not name`);
  const upward = files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(listImports)
    .filter(({ from, to, isOurs }) => {
      if (!isOurs || findFolder(from) === findFolder(to)) return false;
      const rank = to.startsWith('src/') ? findRank(findFolder(to)) : Number.POSITIVE_INFINITY;
      return rank >= findRank(findFolder(from));
    })
    .map(({ from, to }) => `${from} → ${to}`);
  return [...unknown, ...new Set(upward)];
}

/** `file → file` for each import of a plugin beside `#plugin`, its own files, npm and node. */
export function listForeignPluginImports(files: SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.startsWith('plugins/'))
    .flatMap(listImports)
    .filter(({ from, to, isOurs }) => isOurs && findFolder(from) !== findFolder(to))
    .filter(({ to }) => to !== PLUGIN_DOOR)
    .map(({ from, to }) => `${from} → ${to}`);
}

/** The names that `#plugin` exports; `*` is a re-export of everything, which cannot be counted. */
export function listPluginNames(files: SourceFile[]): string[] {
  const names: string[] = [];
  for (const node of files.find(({ path }) => path === PLUGIN_DOOR)?.program.body ?? []) {
    if (node.type === 'ExportAllDeclaration') names.push('*');
    if (node.type === 'ExportDefaultDeclaration') names.push('default');
    if (node.type !== 'ExportNamedDeclaration') continue;
    names.push(...node.specifiers.map(({ exported }) => readName(exported)));
    const { declaration } = node;
    if (declaration?.type === 'VariableDeclaration') {
      names.push(...declaration.declarations.map(({ id }) => readName(id)));
    } else if (declaration && 'id' in declaration && declaration.id) {
      names.push(readName(declaration.id));
    }
  }
  return names;
}

/** Groups of folders that import each other round, directly or through others. */
export function listFolderGroups(files: SourceFile[]): string[][] {
  return findCircles(
    files
      .flatMap(listImports)
      .filter(({ isOurs }) => isOurs)
      .map(({ from, to }) => [findFolder(from), findFolder(to)] as const),
  );
}

/** Groups of files that import each other round. */
export function listFileCircles(files: SourceFile[]): string[][] {
  const imports = files.flatMap(listImports).filter(({ isOurs }) => isOurs);
  return findCircles(imports.map(({ from, to }) => [from, to] as const));
}

/** The groups of more than one node in which each can be reached from each. */
function findCircles(edges: (readonly [string, string])[]): string[][] {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const reached = new Map([...next.keys()].map((name) => [name, findReachable(next, name)]));
  const groups = new Map<string, string[]>();
  for (const name of reached.keys()) {
    const group = [...(reached.get(name) ?? [])].filter((other) => reached.get(other)?.has(name));
    if (group.some((other) => other !== name)) groups.set(group.sort().join(), group);
  }
  return [...groups.values()];
}

function findReachable(next: Map<string, Set<string>>, start: string): Set<string> {
  const reached = new Set<string>();
  const waiting = [...(next.get(start) ?? [])];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    waiting.push(...(next.get(name) ?? []));
  }
  return reached;
}
