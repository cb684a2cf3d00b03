import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { createLog } from '../src/base/log.ts';
import { TIMING } from '../src/base/timing.ts';
import type { Context } from '../src/context/context.ts';
import { loadModules, settingSchemas } from '../src/modules.ts';
import { Problem } from '../src/plugin.ts';
import { startTicks } from '../src/ticks.ts';
import { failingStart } from './support/failing-start.ts';

const NOTHING = `personalData: { nothing: 'It stores nothing.' }`;

/** `run` is called with a folder that holds these files, and that is gone afterwards. */
async function withFiles<T>(
  files: Record<string, string>,
  run: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-loader-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Plugin → its code, and what the start says about it; null: nothing. */
const PLUGINS: Record<string, [code: string, said: string | null]> = {
  empty: ['', 'Expected a manifest as the default export, found none.'],
  'other-name': [
    `export default { name: 'another', ${NOTHING} };`,
    'name: Expected the name of its folder, other-name, got another.',
  ],
  syntax: [
    'export default {\n  name: ,\n};',
    'It cannot be imported: SyntaxError: Expression expected (plugin.ts:2).',
  ],
  'no-package': [
    `import 'no-such-package';`,
    `It cannot be imported: Error: Cannot find package 'no-such-package' imported from `,
  ],
  'no-such-name': [
    `import { everything } from '#plugin';\nexport default everything;`,
    `It cannot be imported: SyntaxError: The requested module '#plugin' does not provide an export named 'everything' (plugin.ts:1).`,
  ],
  throws: [
    `\nthrow new TypeError('No.\\nNever.');`,
    'It cannot be imported: TypeError: No (plugin.ts:2).',
  ],
  silent: [
    `export default { name: 'silent' };`,
    'personalData: Expected `tables` with every column, or `nothing` with the reason.',
  ],
  'old-field': [
    `export default { name: 'old-field', ${NOTHING}, personal_data: {} };`,
    'Expected no field personal_data: a manifest has none of that name.',
  ],
  'core-setting': [
    `import { z } from 'zod';
     export default { name: 'core-setting', ${NOTHING}, settings: { PORT: z.string().describe('A.') } };`,
    'Expected no setting PORT; the core has it already.',
  ],
  first: [
    `import { z } from 'zod';
     export default { name: 'first', ${NOTHING}, settings: { SHARED: z.string().describe('A.') } };`,
    null,
  ],
  second: [
    `import { z } from 'zod';
     export default { name: 'second', ${NOTHING}, settings: { SHARED: z.string().describe('A.') } };`,
    'Expected no setting SHARED; first has it already.',
  ],
  undescribed: [
    `import { z } from 'zod';
     export default { name: 'undescribed', ${NOTHING}, settings: { LOST: z.string() } };`,
    'settings.LOST: Expected a description (`.describe(…)`), which the documentation shows.',
  ],
  'idle-step': [
    `export default { name: 'idle-step', ${NOTHING}, steps: { walk: { async run() { return {}; } } } };`,
    'Expected no step idle-step.walk; no state of a job names it.',
  ],
  media: [
    `export default { name: 'media', ${NOTHING} };`,
    'Expected no module of the name media; media has it already.',
  ],
  'bad-cron': [
    `export default { name: 'bad-cron', ${NOTHING}, chores: { a: { cron: 'daily', async run() {} } } };`,
    'chores.a.cron: Expected five fields, e.g. `*/5 * * * *`.',
  ],
  'bad-tick': [
    `export default { name: 'bad-tick', ${NOTHING}, ticks: { a: { cron: 'daily', async run() {} } } };`,
    'ticks.a.cron: Expected six fields, seconds first, e.g. `*/10 * * * * *`.',
  ],
  'bad-source': [
    `import { z } from 'zod';
     const schema = z.strictObject({}).refine(() => true);
     export default { name: 'bad-source', ${NOTHING}, sources: { a: { schema, describe: String, fetch() {} } } };`,
    'sources.a.schema: Expected an object of fields; rules across fields belong into `accept`.',
  ],
  'same-source': [
    `import { z } from 'zod';
     const schema = z.strictObject({});
     export default { name: 'same-source', ${NOTHING}, sources: { url: { schema, describe: String, fetch() {} } } };`,
    'Expected no source url; jobs has it already.',
  ],
};

describe('plugins that cannot be used', () => {
  it('end the start with 78, and each has a sentence with its name and the reason', async () => {
    const files = Object.entries(PLUGINS).map(([name, [code]]) => [`${name}/plugin.ts`, code]);
    const { code, printed } = await withFiles(
      { ...Object.fromEntries(files), 'lost/plugins.ts': '' },
      (folder) => {
        symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
        return failingStart({ PLUGINS_DIR: folder });
      },
    );
    expect(code, printed).to.equal(78);
    const lines = printed.split('\n').filter((line) => line.startsWith('- PLUGINS_DIR: plugin '));
    for (const [name, [, said]] of Object.entries(PLUGINS)) {
      const own = lines.filter((line) => line.startsWith(`- PLUGINS_DIR: plugin ${name}: `));
      expect(own, name).to.have.length(said === null ? 0 : 1);
      if (said !== null) expect(own[0]).to.contain(`: ${said}`);
    }
    for (const name of ['lost', 'dangling']) {
      const sentence = 'Expected a file plugin.ts in its folder, found none.';
      expect(lines).to.include(`- PLUGINS_DIR: plugin ${name}: ${sentence}`);
    }
    // All but `first`, and these two.
    expect(lines).to.have.length(Object.keys(PLUGINS).length + 1);
  });

  it('are asked for in a folder, and in nothing else', async () => {
    await withFiles({ 'a-file': '' }, async (folder) => {
      const { code, printed } = await failingStart({ PLUGINS_DIR: join(folder, 'a-file') });
      expect(code).to.equal(78);
      expect(printed).to.contain('- PLUGINS_DIR: Expected a folder that exists.');
    });
  });
});

describe('a plugin from outside', () => {
  const Code = `import { Problem } from '#plugin';
    import { z } from 'zod';
    import { word } from './words/word.ts';
    export default {
      name: 'outside',
      settings: { OUTSIDE_WORD: z.string().default(word).describe('A word.') },
      async beforeStart() { throw new Problem('not_found', word); },
      ${NOTHING},
    };`;
  const Files = {
    'outside/plugin.ts': Code,
    'outside/words/word.ts': `export const word: string = 'Hello';`,
  };
  // A package of its own goes before the product's.
  const OwnZod = {
    'node_modules/zod/package.json': '{"name": "zod", "exports": "./index.js", "type": "module"}',
    'node_modules/zod/index.js': `const schema = {
      description: 'Its own.', default: () => schema, describe: () => schema,
      safeParse: () => ({ success: true, data: 'own' }),
    };
    export const z = { string: () => schema };`,
  };
  const cases: [string, Record<string, string>, string][] = [
    ['a folder without a package.json', {}, 'Hello'],
    ['one of type commonjs', { 'package.json': '{"type": "commonjs"}' }, 'Hello'],
    ['one of type module', { 'outside/package.json': '{"type": "module"}' }, 'Hello'],
    ['one with packages of its own', OwnZod, 'own'],
    [
      'one with other files and hidden folders',
      { 'a.md': '', '.git/a': '', '_lib/a': '' },
      'Hello',
    ],
  ];
  for (const [what, more, word] of cases) {
    it(`imports values of #plugin, packages and its own files from ${what}`, async () => {
      await withFiles({ ...Files, ...more }, async (folder) => {
        const modules = await loadModules(folder);
        const parsed = settingSchemas(modules)['OUTSIDE_WORD']?.safeParse(undefined);
        expect(parsed).to.deep.include({ success: true, data: word });
        const error = await modules
          .at(-1)
          ?.beforeStart?.({} as never)
          .catch((thrown) => thrown);
        expect(error).to.be.instanceOf(Problem).and.include({ code: 'not_found' });
      });
    });
  }

  it('runs its ticks, whose times are a cron line or taken from the intervals', async () => {
    const code = `export default { name: 'clock', ${NOTHING}, ticks: {
      line: { cron: '* * * * * *', async run(ctx) { ctx.log.info({ event: 'clock.line' }); } },
      taken: { cron: ({ reapCron }) => reapCron, async run(ctx) { ctx.log.info({ event: 'clock.taken' }); } },
    } };`;
    await withFiles({ 'clock/plugin.ts': code }, async (folder) => {
      const modules = (await loadModules(folder)).slice(-1);
      const { promise: ticked, resolve } = Promise.withResolvers<void>();
      let lines = '';
      const write = (line: string) => {
        lines += line;
        if (lines.includes('"clock.line"') && lines.includes('"clock.taken"')) resolve();
      };
      const timing = { ...TIMING, reapCron: '* * * * * *' };
      // A tick that only logs needs no more of the context.
      const ctx = { timing, log: createLog('info', { write }) } as unknown as Context;
      const ticks = startTicks(ctx, modules);
      await ticked;
      await ticks.stop();
    });
  });

  it('may be a link to a folder elsewhere', async () => {
    await withFiles(Files, async (elsewhere) => {
      await withFiles({ 'README.md': '' }, async (folder) => {
        symlinkSync(join(elsewhere, 'outside'), join(folder, 'outside'));
        expect((await loadModules(folder)).at(-1)).to.include({ name: 'outside' });
      });
    });
  });
});
