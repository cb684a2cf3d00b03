// The functions of a file: their names, lengths and parameters, and which names are exported twice.
import { findLine, type Node, type SourceFile, walk } from './tree.ts';

export interface FunctionFact {
  path: string;
  line: number;
  /** Empty for one that is handed over without a name. */
  name: string;
  lines: number;
  parameters: number;
}

type FunctionNode = Extract<Node, { params: unknown; body: unknown }>;

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** Every function and method with a body, the nameless ones too. */
export function listFunctions(file: SourceFile): FunctionFact[] {
  const found: FunctionFact[] = [];
  walk(file.program, (node, parents) => {
    if (!isFunction(node) || !node.body) return;
    const line = findLine(file, node.start);
    found.push({
      path: file.path,
      line,
      name: findName(node, parents.at(-1)),
      lines: findLine(file, node.end) - line + 1,
      parameters: node.params.filter((each) => !isThis(each)).length,
    });
  });
  return found;
}

function isFunction(node: Node): node is FunctionNode {
  return FUNCTIONS.includes(node.type);
}

/** `function x(this: Type)` takes no parameter. */
function isThis(parameter: Node): boolean {
  return parameter.type === 'Identifier' && parameter.name === 'this';
}

function findName(node: FunctionNode, parent: Node | undefined): string {
  if ('id' in node && node.id?.type === 'Identifier') return node.id.name;
  if (parent?.type === 'VariableDeclarator') return readName(parent.id);
  if (parent?.type === 'Property' || parent?.type === 'MethodDefinition') {
    return readName(parent.key);
  }
  return '';
}

function readName(node: Node): string {
  return node.type === 'Identifier' ? node.name : '';
}

/** Names of functions that a file declares and exports itself. */
export function listExportedFunctions(file: SourceFile): string[] {
  return file.program.body.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' || !node.declaration) return [];
    const { declaration } = node;
    // Overloads of one function declare its name again.
    if (declaration.type === 'FunctionDeclaration') return [declaration.id?.name ?? ''];
    if (declaration.type !== 'VariableDeclaration') return [];
    return declaration.declarations
      .filter(({ init }) => init && isFunction(init))
      .map(({ id }) => readName(id));
  });
}

/** `name: file, file` for each function name that several files export. */
export function listSharedNames(files: SourceFile[]): string[] {
  const places = new Map<string, string[]>();
  for (const file of files) {
    for (const name of new Set(listExportedFunctions(file))) {
      places.set(name, [...(places.get(name) ?? []), file.path]);
    }
  }
  return [...places]
    .filter(([, paths]) => paths.length > 1)
    .map(([name, paths]) => `${name}: ${paths.join(', ')}`);
}
