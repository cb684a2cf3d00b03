// Shows that the measurements find what they look for, each on a small tree that breaks one rule.
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { listFunctions, listSharedNames } from '../../scripts/measure/functions.ts';
import {
  listFileCircles,
  listFolderGroups,
  listForeignPluginImports,
  listPluginNames,
  listUpwardImports,
} from '../../scripts/measure/imports.ts';
import { listSnakeNames } from '../../scripts/measure/names.ts';
import { isBroken, measure, percentile } from '../../scripts/measure/report.ts';
import { checkWalk, readWalks } from '../../scripts/measure/walks.ts';
import { GOOD, parse, type Tree, writeTree } from '../support/made-tree.ts';

const run = promisify(execFile);
const SCRIPT = resolve(import.meta.dirname, '../../scripts/measure.ts');

function listBroken(tree: Tree): string[] {
  return measure(parse(tree))
    .filter(isBroken)
    .map(({ name }) => name);
}

describe('the measurements', () => {
  it('find nothing in a tree that keeps every rule', () => {
    expect(listBroken(GOOD)).to.deep.equal([]);
  });

  for (const [what, text] of [
    ['a value', "import { run } from '../jobs/run/run.ts';"],
    ['a type', "import type { Run } from '../jobs/run/run.ts';"],
    ['a re-exported type', "export type { Run } from '../jobs/run/run.ts';"],
    ['a type in place', "export type Run = import('../jobs/run/run.ts').Run;"],
    ['a late import', "export const load = () => import('../jobs/run/run.ts');"],
    ['a widened interface', "declare module '../jobs/run/run.ts' { interface Run {} }"],
  ]) {
    it(`find ${what} that is imported from a folder above`, () => {
      const tree = { ...GOOD, 'src/creators/above.ts': `${text}\n` };
      expect(listUpwardImports(parse(tree))).to.deep.equal([
        'src/creators/above.ts → src/jobs/run/run.ts',
      ]);
      expect(listBroken(tree)).to.include('imports upward');
    });
  }

  it('find a core file that imports a plugin, or the door made for plugins', () => {
    const names = ["import '../../plugins/media/plan.ts';", "import { Problem } from '#plugin';"];
    expect(listUpwardImports(parse({ 'src/jobs/job.ts': names.join('\n') }))).to.deep.equal([
      'src/jobs/job.ts → plugins/media/plan.ts',
      'src/jobs/job.ts → src/plugin.ts',
    ]);
  });

  it('find a folder that the order does not name', () => {
    const [found] = listUpwardImports(parse({ 'src/utils/dates.ts': '' }));
    expect(found).to.match(/src\/utils\/dates\.ts stands in a folder/);
  });

  it('find folders and files that import each other round', () => {
    const files = parse({
      'src/media/a.ts': "import type { B } from '../domains/b.ts';",
      'src/domains/b.ts': "import type { C } from '../web/c.ts';",
      'src/web/c.ts': "import type { A } from '../media/a.ts';",
      'src/web/alone.ts': "import './c.ts';",
    });
    expect(listFolderGroups(files)).to.deep.equal([['domains', 'media', 'web']]);
    expect(listFileCircles(files)).to.deep.equal([
      ['src/domains/b.ts', 'src/media/a.ts', 'src/web/c.ts'],
    ]);
  });

  it('find a plugin that imports another plugin or a file of the core', () => {
    const text = "import '../publish/send.ts'; import '../../src/jobs/job.ts'; import 'undici';";
    expect(listForeignPluginImports(parse({ 'plugins/media/plan.ts': text }))).to.deep.equal([
      'plugins/media/plan.ts → plugins/publish/send.ts',
      'plugins/media/plan.ts → src/jobs/job.ts',
    ]);
  });

  it('count the names of #plugin, and cannot count a re-export of everything', () => {
    const text =
      "export { a, type B } from './b.ts'; export interface C {} export const d = 1; export * from './e.ts';";
    expect(listPluginNames(parse({ 'src/plugin.ts': text }))).to.deep.equal([
      'a',
      'B',
      'C',
      'd',
      '*',
    ]);
    const many = Array.from({ length: 31 }, (_, index) => `export const name${index} = 1;`);
    expect(listBroken({ 'src/plugin.ts': many.join('\n') })).to.deep.equal(['names of #plugin']);
  });
});

describe('the measurements of functions and names', () => {
  it('find snake_case where code alone sees it, and not where a row is read', () => {
    const text = [
      'const send_at = 1;',
      'function find_it(job_id, { row_id, b: own_id }, [first_one], ...more_ids) {}',
      'try {} catch (bad_luck) {}',
      'interface Row { send_at: Date; run(run_id: string): void }',
      'const { created_at, updated_at = 1 } = job;',
      'const row = { job_id: 1 }; const LIMIT_MS = 1;',
    ].join('\n');
    expect(parse({ 'src/a.ts': text }).flatMap(listSnakeNames)).to.have.members([
      'src/a.ts:1 send_at',
      'src/a.ts:2 find_it',
      'src/a.ts:2 job_id',
      'src/a.ts:2 own_id',
      'src/a.ts:2 first_one',
      'src/a.ts:2 more_ids',
      'src/a.ts:3 bad_luck',
      'src/a.ts:4 run_id',
    ]);
    expect(listBroken({ 'src/a.ts': text })).to.deep.equal([
      'snake_case variables, parameters and functions',
    ]);
  });

  it('find a function of five parameters; `this` is none', () => {
    const text = 'function five(this: Date, a, b, c, d, e) {}\nconst four = (a, b, c, d) => a;';
    const found = parse({ 'src/a.ts': text }).flatMap(listFunctions);
    expect(found.map(({ name, parameters }) => [name, parameters])).to.deep.equal([
      ['five', 5],
      ['four', 4],
    ]);
    expect(listBroken({ 'src/a.ts': text })).to.deep.equal([
      'functions of more than four parameters',
    ]);
  });

  it('find one name for two exported functions, and long files and functions', () => {
    const shared = {
      'src/a.ts': 'export function find() {}',
      'src/b.ts': 'export const find = () => 1;',
    };
    expect(listSharedNames(parse(shared))).to.deep.equal(['find: src/a.ts, src/b.ts']);
    const long = `function long() {\n${'\n'.repeat(198)}}\n`;
    expect(listBroken({ 'src/a.ts': long })).to.deep.equal([
      'lines of a file, median',
      'lines of a file, p95',
      'lines of a function, p95',
    ]);
    expect(percentile([1, 2, 3, 4], 50)).to.equal(2);
    expect(percentile([3, 1, 2], 95)).to.equal(3);
  });
});

describe('the walks', () => {
  it('name a file that is missing, one that nothing leads to, and too many folders', () => {
    const walk = [
      '## Walk: a deletion',
      '- `base/errors.ts`: where it begins',
      '- `src/jobs/run/run.ts`',
      '- `plugins/media/plan.ts` through #plugin',
      '- `src/creators/store.ts` alone',
      '- `src/gone.ts`',
      '## Other',
      '- `src/plugin.ts`',
    ];
    using folder = writeTree({ ...GOOD, 'src/README.md': walk.join('\n') });
    const [found] = readWalks(folder.path, 'src/README.md');
    expect(found?.files).to.have.length(5);
    expect(checkWalk(folder.path, found ?? { name: '', files: [] }, parse(GOOD))).to.deep.equal([
      'it opens 5 folders, at most 4',
      'nothing listed before src/creators/store.ts imports it or is imported by it',
      'src/gone.ts does not exist',
    ]);
  });
});

describe('npm run measure', () => {
  const print = (...args: string[]) =>
    run(process.execPath, [SCRIPT, ...args]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );

  it('ends well on a good tree, and with 1 and the places on one that breaks a bound', async () => {
    using good = writeTree(GOOD);
    using bad = writeTree({
      ...GOOD,
      'src/jobs/bad.ts': "import '../wiring.ts';\n",
      'src/wiring.ts': '',
    });
    expect((await print('--root', good.path)).code).to.equal(0);
    const { code, stdout } = await print('--root', bad.path);
    expect(code).to.equal(1);
    expect(stdout).to.contain('src/jobs/bad.ts → src/wiring.ts');
    expect((await print('--root', good.path, '--all')).stdout).to.contain('files  ');
  });
});
