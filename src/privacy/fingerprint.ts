// Hashes all declarations, which shows when the text of the legal pages has changed.
import { sha256 } from '../base/secrets.ts';
import type { Manifest } from '../context/context.ts';
import { declaredTables } from './eraser.ts';

export function fingerprint(modules: Manifest[]): string {
  return sha256(JSON.stringify(declaredTables(modules), sorted));
}

/** Sorts the keys, since their order in the source does not matter. */
function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
