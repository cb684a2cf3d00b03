// `npm run bench [subject …]`: measures speed as ratios against a baseline of the same run.
import { mochaGlobalSetup, mochaGlobalTeardown } from '../test/support/database.ts';
import { deletion } from './bench/deletion.ts';
import { fetching } from './bench/fetch.ts';
import { memory } from './bench/memory.ts';
import type { Ratio } from './bench/report.ts';
import { benchSweep } from './bench/sweep.ts';
import { transcode } from './bench/transcode.ts';

/** Subject → its measurement. A new subject is a file in bench/ and a line here. */
const SUBJECTS: Record<string, () => Promise<Ratio[]>> = {
  sweep: benchSweep,
  deletion,
  fetch: fetching,
  transcode,
  memory,
};

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !(name in SUBJECTS));
  if (unknown.length > 0) {
    throw new Error(`Expected one of ${Object.keys(SUBJECTS).join(', ')}, got ${unknown}`);
  }
  for (const [name, measure] of Object.entries(SUBJECTS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    process.stdout.write(`\n${name}\n`);
    for (const { what, ratio, limit } of await measure()) {
      const isWithin = ratio <= limit;
      if (!isWithin) process.exitCode = 1;
      const verdict = isWithin ? 'within' : 'BEYOND';
      process.stdout.write(`  ${what}: ${ratio.toFixed(2)}, ${verdict} ${limit}\n`);
    }
  }
}

if (import.meta.main) {
  mochaGlobalSetup();
  await main().finally(mochaGlobalTeardown);
}
