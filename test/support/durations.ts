// How long each file of tests took the last time, so that the next parallel run begins with the longest.
import { readFileSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { cachePath, writeCache } from './cache.ts';

const ROOT = resolve(import.meta.dirname, '../..');
// What a file that never ran here takes, per byte of it: about 5 s for one of 5 kB.
const GUESS_MS_PER_BYTE = 1;

let beganAt = 0;

/** Mocha's root hooks. In a worker they run for each file, which is where there is an order to keep. */
export const mochaHooks = {
  beforeAll() {
    beganAt = performance.now();
  },
  afterAll(this: Mocha.Context) {
    const file = this.test?.parent?.suites[0]?.file;
    if (process.env['MOCHA_WORKER_ID'] === undefined || !file) return;
    writeCache(pathFor(file), String(Math.round(performance.now() - beganAt)));
  },
};

/** Milliseconds that the file took the last time, or a guess from its size. */
export function durationOf(file: string): number {
  try {
    return Number(readFileSync(pathFor(file), 'utf8'));
  } catch {
    return statSync(file).size * GUESS_MS_PER_BYTE;
  }
}

function pathFor(file: string): string {
  return cachePath('durations', relative(ROOT, resolve(file)).replaceAll(/[^\w.-]/g, '_'));
}
