import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { listPluginNames } from '../../scripts/measure/imports.ts';
import { readTree } from '../../scripts/measure/tree.ts';
import { manifestSchema } from '../../src/plugin-manifest.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The rows of the table between the marks of this name: what stands in code in the first cell, and the rest. */
function readTable(mark: string): [name: string, words: string][] {
  const readme = readFileSync(join(ROOT, 'plugins/README.md'), 'utf8');
  const text = readme.match(new RegExp(`<!-- ${mark} -->([\\s\\S]*)<!-- /${mark} -->`))?.[1] ?? '';
  return [...text.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name = '', words = '']) => [
    name,
    words,
  ]);
}

describe('the documentation of plugins', () => {
  for (const [mark, what, names] of [
    ['manifest', 'each field of a manifest', Object.keys(manifestSchema.shape)],
    ['names', 'each name that #plugin exports', listPluginNames(readTree(ROOT))],
  ] as const) {
    it(`says in a sentence what ${what} is`, () => {
      const rows = readTable(mark);
      expect(rows.map(([name]) => name)).to.have.members([...names]);
      for (const [name, words] of rows) expect(words, name).to.match(/^[A-Z].{15,}\.$/);
    });
  }
});
