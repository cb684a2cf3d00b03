// Starts the appliance with other intervals, for tests and storms: its argument is JSON of those that differ.
import { TIMING } from '../src/base/timing.ts';
import { start } from '../src/main.ts';

await start({ ...TIMING, ...JSON.parse(process.argv[2] ?? '{}') });
