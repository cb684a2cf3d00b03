// Holds that the tests mirror the product: each folder with behaviour has tests of its name, and no folder of tests is left over.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import { testFiles } from './test-files.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Folders of tests that walk through all of the product, or are about something else. */
const OF_THEIR_OWN = ['contracts', 'e2e', 'storms', 'support', 'docs'];
const BEHAVIOUR = /^export (?:async )?(?:function|class|const)\b/m;

function listTypeScript(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith('.ts'));
}

/** A manifest and types alone are no behaviour. */
function hasBehaviour(path: string): boolean {
  if (/\/(?:module|plugin)\.ts$/.test(path)) return false;
  return BEHAVIOUR.test(readFileSync(join(ROOT, path), 'utf8'));
}

/** `src/a/b/c.ts` → `src/a/b`. Of a plugin, the folder of the plugin as a whole. */
function listFoldersWithBehaviour(): string[] {
  const folders = [
    ...listTypeScript('src').filter(hasBehaviour).map(dirname),
    ...listTypeScript('plugins')
      .filter(hasBehaviour)
      .map((path) => path.split('/').slice(0, 2).join('/')),
  ];
  return [...new Set(folders)].filter((folder) => folder !== 'src').sort();
}

describe('test/', () => {
  const tests = testFiles().filter((path) => /\bit\(/.test(readFileSync(path, 'utf8')));

  it('has tests of the name of each folder with behaviour', () => {
    const untested = listFoldersWithBehaviour().filter((folder) => {
      const name = join(ROOT, 'test', folder.replace(/^src\//, ''));
      return !tests.some((path) => path === `${name}.test.ts` || path.startsWith(`${name}/`));
    });
    expect(untested).to.deep.equal([]);
  });

  it('has no folder whose product is not there', () => {
    const folders = readdirSync(join(ROOT, 'test'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(ROOT, 'test/').length));
    const leftOver = folders.filter((folder) => {
      if (OF_THEIR_OWN.includes(folder.split('/')[0] as string)) return false;
      return !['', 'src'].some((above) => existsSync(join(ROOT, above, folder)));
    });
    expect(leftOver).to.deep.equal([]);
  });
});
