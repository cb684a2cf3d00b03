// Brings the schema of every commit forward, with rows in it: it becomes today's, and the rows stay.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { up as repair } from '../../migrations/0016_repair_edited_migrations.ts';
import { printSchema, SCHEMA_FILE } from '../../scripts/schema.ts';
import type { Database } from '../../src/base/database.ts';
import { isMigrated, migrate } from '../../src/base/migrations.ts';
import { anOlderDatabase, readHistory } from './older.ts';
import { plantRows, readRows, URL_OF_MEDIA } from './rows.ts';

/** The lines of each table, without regard to the order of its columns. */
function sortLines(schema: string): string[] {
  return schema.split('\n\n').map((table) =>
    table
      .split('\n')
      .map((line) => line.replace(/,$/, ''))
      .sort()
      .join('\n'),
  );
}

describe('a database made by an older commit', () => {
  const today = sortLines(readFileSync(SCHEMA_FILE, 'utf8'));

  for (const { commit, migrations } of readHistory().sets) {
    it(`has today’s schema and all of its rows after the migrations of today: ${commit}`, async () => {
      await using older = await anOlderDatabase(migrations);
      const { db, connection } = older;
      await plantRows(db);
      const before = await readRows(db);
      await migrate(db, connection);
      expect(sortLines(await printSchema(db))).to.deep.equal(today);
      expect(await isMigrated(db)).to.equal(true);
      const after = await readRows(db);
      for (const [table, rows] of Object.entries(before)) {
        const kept = after[table]?.map((row) => pick(row, Object.keys(rows[0] ?? {})));
        expect(kept, table).to.have.deep.members(rows);
      }
      await assertSources(db);
    });
  }

  it('may be repaired twice', async () => {
    const [oldest] = readHistory().sets;
    await using older = await anOlderDatabase(oldest?.migrations ?? {});
    await migrate(older.db, older.connection);
    await older.db.transaction(repair);
    expect(sortLines(await printSchema(older.db))).to.deep.equal(today);
  });

  it('leaves the processes of the older commit ready', async () => {
    const all = readHistory().sets.filter(({ migrations }) => isBefore0015(migrations));
    const { migrations } = all.at(-1) as (typeof all)[number];
    await using older = await anOlderDatabase(migrations);
    const { db, migrationSource } = older;
    await migrate(db, older.connection);
    const [, pending] = await db.migrate.list({ migrationSource });
    expect(pending).to.deep.equal([]);
    // One that starts meanwhile finds nothing to do.
    expect((await db.migrate.latest({ migrationSource }))[1]).to.deep.equal([]);
  });
});

/** Posts by URL, where that version had them, have a source of that name. */
async function assertSources(db: Database): Promise<void> {
  const request = { url: URL_OF_MEDIA };
  for (const [table, titled] of [
    ['jobs', db('jobs').where({ title: 'by url' })],
    ['job_photos', db('job_photos').where({ position: 1 })],
  ] as const) {
    for (const row of await titled) {
      const { source, source_request, source_url } = row;
      expect([source, source_request, source_url], table).to.deep.equal([
        ...['url', request, URL_OF_MEDIA],
      ]);
    }
  }
}

function isBefore0015(migrations: Record<string, string>): boolean {
  return !Object.keys(migrations).some((name) => name.endsWith('_job_sources.ts'));
}

function pick(row: Record<string, unknown>, names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}
