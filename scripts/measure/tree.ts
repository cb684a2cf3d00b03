// Reads and parses the TypeScript files of a project folder, for the measurements to walk through.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, type Program, parseSync, visitorKeys } from 'oxc-parser';

export type { Node };

export interface SourceFile {
  /** From the project's root, with forward slashes. */
  path: string;
  text: string;
  program: Program;
}

/** @throws when a file is not valid TypeScript. */
export function readTree(root: string, folders: string[] = ['src', 'plugins']): SourceFile[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, `${name}`)),
    )
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
    .sort()
    .map((path) => parseFile(path, readFileSync(join(root, path), 'utf8')));
}

export function parseFile(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text, { preserveParens: false });
  const [error] = errors;
  if (error) throw new Error(`Expected ${path} to be TypeScript: ${error.message}`);
  return { path, text, program };
}

/** Visits every node before its children; `parents` ends with the nearest one. */
export function walk(
  node: Node,
  visit: (node: Node, parents: readonly Node[]) => void,
  parents: readonly Node[] = [],
): void {
  visit(node, parents);
  const below = [...parents, node];
  for (const key of visitorKeys[node.type] ?? []) {
    const value = (node as unknown as Record<string, Node | (Node | null)[] | null>)[key];
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child) walk(child, visit, below);
    }
  }
}

/** The line of an offset, from 1. */
export function findLine(file: SourceFile, offset: number): number {
  return file.text.slice(0, offset).split('\n').length;
}
