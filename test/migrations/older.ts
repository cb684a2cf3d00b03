// Makes a database as an older commit made it, by knex and that commit's own migrations.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import type { History } from '../../scripts/collect-migrations.ts';
import { hashText } from '../../scripts/landed-migrations.ts';
import { type Database, openDatabase } from '../../src/base/database.ts';
import { ROOT } from '../support/appliance.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const FOLDER = join(ROOT, 'migrations');

export type Migrations = Record<string, string>;

export function readHistory(): History {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'history.json'), 'utf8'));
}

export interface Older extends AsyncDisposable, FreshDatabase {
  db: Database;
  /** What the older version runs by. */
  migrationSource: Knex.MigrationSource<string>;
}

/** Node imports files, so a text that is none of today's becomes one. */
export async function anOlderDatabase(migrations: Migrations, { texts } = readHistory()) {
  const files = new Map(
    readdirSync(FOLDER).map((name) => {
      const path = join(FOLDER, name);
      return [hashText(readFileSync(path, 'utf8')), path];
    }),
  );
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-older-'));
  for (const [hash, text] of Object.entries(texts)) {
    files.set(hash, join(folder, `${hash}.ts`));
    writeFileSync(join(folder, `${hash}.ts`), text);
  }
  const missing = Object.keys(migrations).find((name) => !files.has(migrations[name] as string));
  if (missing) throw new Error(`The text of ${missing} is not in history.json: was it edited?`);
  const fresh = await freshDatabase();
  const db = openDatabase(fresh.connection);
  const migrationSource: Knex.MigrationSource<string> = {
    getMigrations: async () => Object.keys(migrations).sort(),
    getMigrationName: (name) => name,
    getMigration: (name) => import(files.get(migrations[name] as string) as string),
  };
  // The queue's tables stay: they are another tool's, and making them takes long.
  await db.raw('drop schema public cascade; create schema public');
  await db.migrate.latest({ migrationSource });
  return {
    ...{ ...fresh, db, migrationSource },
    async [Symbol.asyncDispose]() {
      await db.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  } satisfies Older;
}
