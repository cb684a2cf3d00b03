// Keeps the hashes of landed migrations in migrations/landed.json; `npm run schema` adds new ones.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ScriptFault } from './fault.ts';

const FOLDER = resolve(import.meta.dirname, '../migrations');
const LANDED_FILE = join(FOLDER, 'landed.json');

/** Migration → hash of its text. */
export type Hashes = Record<string, string>;

export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function readLanded(): Hashes {
  return JSON.parse(readFileSync(LANDED_FILE, 'utf8'));
}

/** Hashes the migrations of a folder. */
export function hashMigrations(folder = FOLDER): Hashes {
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const hashes = names
    .sort()
    .map((name) => [name, hashText(readFileSync(join(folder, name), 'utf8'))]);
  return Object.fromEntries(hashes);
}

/** Returns a sentence for each migration that differs from what landed, or is gone. */
export function listEdited(landed: Hashes, found: Hashes): string[] {
  return Object.entries(landed)
    .filter(([name, hash]) => found[name] !== hash)
    .map(
      ([name]) =>
        `migrations/${name} was ${found[name] ? 'edited' : 'removed'} after it had landed. Databases that applied it will not apply it again: undo the change, and make it in a new migration. If only you have applied it so far, remove its line from migrations/landed.json and run \`npm run schema\`.`,
    );
}

/**
 * Adds the new migrations.
 *
 * @throws ScriptFault if a landed one was edited.
 */
export function updateLanded(): void {
  const landed = readLanded();
  const found = hashMigrations();
  const edited = listEdited(landed, found);
  if (edited.length > 0) throw new ScriptFault(edited.join('\n'));
  writeFileSync(LANDED_FILE, `${JSON.stringify(found, null, 2)}\n`);
}
