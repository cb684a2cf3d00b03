// `node test/support/test-files.ts [--unit]`: all files of tests, longest first; with --unit, those that start no process.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { durationOf } from './durations.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** A process can be started through these alone; the last one asks mocha's broker for PostgreSQL. */
const STARTERS = new Set([
  'node:child_process',
  'playwright-core',
  'fluent-ffmpeg',
  join(import.meta.dirname, 'broker-client.ts'),
]);

export function testFiles(): string[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true })
    .map((name) => join(ROOT, 'test', String(name)))
    .filter((path) => path.endsWith('.test.ts'));
}

/** A run in parallel ends soonest when no long file is left for its end. */
export function sortLongestFirst(files: string[]): string[] {
  const durations = new Map(files.map((file) => [file, durationOf(file)]));
  return files.toSorted((a, b) => (durations.get(b) ?? 0) - (durations.get(a) ?? 0));
}

/** Whether a file imports, itself or through others, nothing that could start a process. */
export function startsNoProcess(file: string, seen: Set<string> = new Set()): boolean {
  if (STARTERS.has(file)) return false;
  if (seen.has(file) || !existsSync(file)) return true;
  seen.add(file);
  return importsOf(file).every((each) => startsNoProcess(each, seen));
}

/** Project files by path, others by name; what is imported as a type alone is not there at run time. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8').replaceAll(/^\s*(?:import|export) type\b[^;]*;/gms, '');
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) => {
    if (name === '#plugin') return join(ROOT, 'src/plugin.ts');
    return name.startsWith('.') ? resolve(dirname(file), name) : name;
  });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { unit: { type: 'boolean', default: false } } });
  const files = values.unit ? testFiles().filter((file) => startsNoProcess(file)) : testFiles();
  process.stdout.write(
    `${sortLongestFirst(files)
      .map((file) => relative(ROOT, file))
      .join('\n')}\n`,
  );
}
