// Small trees of source files, made in memory or in a temporary folder, for tests of the measurements.
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseFile, type SourceFile } from '../../scripts/measure/tree.ts';

/** Path → text. */
export type Tree = Record<string, string>;

export function parse(tree: Tree): SourceFile[] {
  return Object.entries(tree).map(([path, text]) => parseFile(path, text));
}

/** The files in a temporary folder, which goes when the value is disposed of. */
export function writeTree(tree: Tree) {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'measure-'));
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(join(folder.path, dirname(path)), { recursive: true });
    writeFileSync(join(folder.path, path), text);
  }
  return folder;
}

/** A tree that keeps every rule. */
export const GOOD: Tree = {
  'src/base/errors.ts': 'export class Problem extends Error {}\n',
  'src/creators/module.ts':
    "export const creators = { tables: { creators: { called: 'Accounts', columns: {} } } };\n",
  'src/creators/store.ts': "export const addCreator = (db) => db('creators').insert({ id: 1 });\n",
  'src/jobs/module.ts':
    "export const jobs = { tables: { jobs: { called: 'Posts', columns: {} } } };\n",
  'src/jobs/run/run.ts':
    "import { Problem } from '../../base/errors.ts';\nexport const run = (db) => db('creators').join('jobs').first();\nexport { Problem };\n",
  'src/plugin.ts': "export { Problem } from './base/errors.ts';\n",
  'plugins/media/plan.ts': "import { Problem } from '#plugin';\nexport const plan = Problem;\n",
};
