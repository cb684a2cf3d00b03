// A hash of all declarations: it tells that the legal pages say something else than before.

import { sha256 } from '../base/secrets.ts';
import type { Manifest } from '../context/context.ts';
import { declaredTables } from './eraser.ts';

export function fingerprint(modules: Manifest[]): string {
  return sha256(JSON.stringify(declaredTables(modules), sorted));
}

/** The order in which something is written down does not matter. */
function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
