// Searches tables, stored files and logs for the words of creators who have left.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StormCreator } from './creators.ts';
import type { Scene } from './scene.ts';

export interface Trace {
  creator: string;
  where: string;
}

/** Looks for the word, the username's other half, the ids at TikTok and here. */
export async function findTraces(scene: Scene, gone: StormCreator[]): Promise<Trace[]> {
  const places = [
    ...(await readTables(scene)),
    ...listFiles(scene.dataDir).map(readPlace),
    ...scene.logFiles.map(readPlace),
  ];
  return gone.flatMap((creator) => {
    const needles = [creator.word, creator.openId];
    return places
      .filter(({ content }) => needles.some((needle) => content.includes(needle)))
      .map(({ where }) => ({ creator: creator.username, where }));
  });
}

interface Place {
  where: string;
  content: Buffer | string;
}

/** Each table of every schema as text, as `row::text` writes it. */
async function readTables({ database }: Scene): Promise<Place[]> {
  const tables = await database.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const places: Place[] = [];
  for (const { name } of tables) {
    const rows = await database.query(
      `select string_agg(read::text, E'\\n') as content from ${name} read`,
    );
    places.push({ where: String(name), content: String(rows[0]?.['content'] ?? '') });
  }
  return places;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function readPlace(path: string): Place {
  try {
    return { where: path, content: Buffer.concat([Buffer.from(path), readFileSync(path)]) };
  } catch {
    // Removed since it was listed.
    return { where: path, content: '' };
  }
}
