// `npm run test:plugin -- <folder>`: runs the contract of plugins against the one in that folder.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Mocha from 'mocha';
import { describePlugin } from '../test/contracts/plugin.ts';

const [path] = process.argv.slice(2);
if (!path || !existsSync(join(path, 'plugin.ts'))) {
  process.stderr.write('Expected the folder of a plugin: npm run test:plugin -- <folder>\n');
  process.exit(2);
}
const mocha = new Mocha({ timeout: 60_000, reporter: 'spec' });
// Makes `describe` and `it` known.
mocha.suite.emit('pre-require', globalThis, '', mocha);
describePlugin(resolve(path));
mocha.run((failures) => process.exit(failures === 0 ? 0 : 1));
