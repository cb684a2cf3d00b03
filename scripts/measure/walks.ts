// Checks the walks of a README: lists of the files that one event passes through, in their order.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listImports } from './imports.ts';
import { findFolder } from './order.ts';
import type { SourceFile } from './tree.ts';

export interface Walk {
  name: string;
  files: string[];
}

/** The most files, and folders, that somebody should have to open. */
export const WALK_BOUNDS: Record<string, { files: number; folders?: number }> = {
  'a job': { files: 50 },
  'a deletion': { files: 18, folders: 4 },
  'an upload': { files: 35 },
};

/** The lists under headings `Walk: …`; a bullet begins with a path, from the root or from src. */
export function readWalks(root: string, readme: string): Walk[] {
  const walks: Walk[] = [];
  let walk: Walk | undefined;
  for (const line of readFileSync(join(root, readme), 'utf8').split('\n')) {
    const [, heading] = /^#+\s+(.*)$/.exec(line) ?? [];
    if (heading !== undefined) {
      const [, name] = /^Walk: (.+)$/.exec(heading) ?? [];
      walk = name === undefined ? undefined : { name, files: [] };
      if (walk) walks.push(walk);
    }
    const [, path] = /^\s*(?:[-*]|\d+\.)\s+\[?`?([\w./-]+\.\w+)/.exec(line) ?? [];
    if (walk && path !== undefined) walk.files.push(findPath(root, path));
  }
  return walks;
}

function findPath(root: string, path: string): string {
  const inSource = join('src', path);
  return !existsSync(join(root, path)) && existsSync(join(root, inSource)) ? inSource : path;
}

/** A sentence for each bound a walk exceeds, and each file that is missing or that nothing leads to. */
export function checkWalk(root: string, walk: Walk, files: SourceFile[]): string[] {
  const edges = listEdges(files);
  const { files: most, folders = Number.POSITIVE_INFINITY } = WALK_BOUNDS[walk.name] ?? {};
  const folderCount = countFolders(walk);
  const faults: string[] = [];
  if (walk.files.length > (most ?? Number.POSITIVE_INFINITY)) {
    faults.push(`it opens ${walk.files.length} files, at most ${most}`);
  }
  if (folderCount > folders) faults.push(`it opens ${folderCount} folders, at most ${folders}`);
  for (const [index, path] of walk.files.entries()) {
    const before = walk.files.slice(0, index);
    if (!existsSync(join(root, path))) faults.push(`${path} does not exist`);
    else if (before.includes(path)) faults.push(`${path} is listed twice`);
    // What is not TypeScript, a template or a script, is opened by its name.
    else if (
      index > 0 &&
      path.endsWith('.ts') &&
      !before.some((file) => edges.has(`${file} ${path}`))
    )
      faults.push(`nothing listed before ${path} imports it or is imported by it`);
  }
  return faults;
}

/** The folders that stand in a walk. */
export function countFolders({ files }: Walk): number {
  return new Set(files.map(findFolder)).size;
}

/** `file file`, both ways; what a plugin takes from `#plugin` leads to where it is declared. */
function listEdges(files: SourceFile[]): Set<string> {
  const imports = files.flatMap(listImports).filter(({ isOurs }) => isOurs);
  const door = imports.filter(({ from }) => from === 'src/plugin.ts');
  const through = imports
    .filter(({ to }) => to === 'src/plugin.ts')
    .flatMap(({ from, names }) =>
      door
        .filter((each) => each.names.some((name) => names.includes(name)))
        .map(({ to }) => ({ from, to })),
    );
  return new Set(
    [...imports, ...through].flatMap(({ from, to }) => [`${from} ${to}`, `${to} ${from}`]),
  );
}
