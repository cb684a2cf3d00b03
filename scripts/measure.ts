// Measures src and plugins against their bounds, or with `--walk FILE` the walks of a README.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isBroken, measure, print } from './measure/report.ts';
import { readTree } from './measure/tree.ts';
import { checkWalk, countFolders, readWalks, WALK_BOUNDS } from './measure/walks.ts';

const { values } = parseArgs({
  options: {
    /** Another project's folder, such as a test's. */
    root: { type: 'string', default: resolve(import.meta.dirname, '..') },
    walk: { type: 'string' },
    /** Lists what was counted also where no bound is broken. */
    all: { type: 'boolean', default: false },
  },
});
const files = readTree(values.root);

if (values.walk === undefined) {
  const measurements = measure(files);
  console.log(print(measurements, values.all));
  if (measurements.some(isBroken)) process.exitCode = 1;
} else {
  const walks = readWalks(values.root, values.walk);
  for (const walk of walks) {
    const faults = checkWalk(values.root, walk, files);
    console.log(`${walk.name}: ${walk.files.length} files in ${countFolders(walk)} folders`);
    for (const fault of faults) console.log(`  ✗ ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  }
  for (const name of Object.keys(WALK_BOUNDS)) {
    if (walks.some((walk) => walk.name === name)) continue;
    console.log(`✗ ${values.walk} has no list under the heading "Walk: ${name}"`);
    process.exitCode = 1;
  }
}
