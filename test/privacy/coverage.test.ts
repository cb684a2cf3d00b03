// Shows that the declarations name every table and column of the database.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { printSchema, SCHEMA_FILE } from '../../scripts/schema.ts';
import { openDatabase } from '../../src/base/database.ts';
import type { TableDeclaration } from '../../src/base/declaration.ts';
import { loadModules } from '../../src/modules.ts';
import { freshDatabase } from '../support/database.ts';

describe('the privacy declarations', () => {
  let db: ReturnType<typeof openDatabase>;
  let declared: Record<string, TableDeclaration>;
  before(async () => {
    db = openDatabase((await freshDatabase()).connection);
    const modules = await loadModules();
    declared = Object.assign(
      {},
      ...modules.map(({ personalData }) => ('tables' in personalData ? personalData.tables : {})),
    );
  });
  after(() => db.destroy());

  /** Lists `table.column` of the whole database, and of the declarations. */
  async function columns(): Promise<{ real: string[]; said: string[] }> {
    const { rows } = await db.raw(
      `select case table_schema when 'public' then '' else table_schema || '.' end || table_name as table_name, column_name
         from information_schema.columns join information_schema.tables using (table_schema, table_name)
        where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const real = rows.map(
      (row: { table_name: string; column_name: string }) => `${row.table_name}.${row.column_name}`,
    );
    const said = Object.entries(declared).flatMap(([table, { columns: named }]) =>
      Object.keys(named).map((column) => `${table}.${column}`),
    );
    return { real, said };
  }

  it('name every table and every column of the schema, and no other', async () => {
    const { real, said } = await columns();
    expect(said.sort()).to.deep.equal(real.sort());
  });

  it('are found wanting, by name, when a table or a column comes without one', async () => {
    await db.raw('create table forgotten (creator_id uuid, words text)');
    await db.raw('alter table jobs add column forgotten text');
    const { real, said } = await columns();
    await db.raw('drop table forgotten');
    await db.raw('alter table jobs drop column forgotten');
    expect(real.filter((column) => !said.includes(column)).sort()).to.deep.equal([
      'forgotten.creator_id',
      'forgotten.words',
      'jobs.forgotten',
    ]);
  });

  it('reach every creator’s row by an indexed, cascading foreign key', async () => {
    const { rows } = await db.raw(`
      select conrelid::regclass::text as table_name, a.attname as column_name, confrelid::regclass::text as target,
             confdeltype = 'c' as cascades,
             exists (select from pg_index i where i.indrelid = conrelid and i.indkey[0] = conkey[1]) as is_indexed
        from pg_constraint join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
       where contype = 'f' and connamespace = 'public'::regnamespace`);
    const keys = new Map(
      rows.map((row: Record<string, unknown>) => [
        `${row['table_name']}.${row['column_name']}`,
        row,
      ]),
    );
    for (const [table, { owner }] of Object.entries(declared)) {
      if ('keep' in owner || 'payload' in owner || table === 'creators') continue;
      const columns = 'by' in owner ? { [owner.by]: 'creators' } : owner.through;
      for (const [column, target] of Object.entries(columns)) {
        expect(keys.get(`${table}.${column}`), `${table}.${column}`).to.include({
          target,
          cascades: true,
          is_indexed: true,
        });
      }
    }
  });

  it('say why what is kept may be kept, and which columns are secret exist', () => {
    for (const [table, { owner, secret = [], columns }] of Object.entries(declared)) {
      if ('keep' in owner) expect(owner.keep, table).to.match(/.{20,}/);
      for (const column of secret) expect(columns, table).to.have.property(column);
    }
  });
});

describe('migrations/schema.sql', () => {
  it('is what the migrations make', async () => {
    const db = openDatabase((await freshDatabase()).connection);
    const printed = await printSchema(db).finally(() => db.destroy());
    expect(readFileSync(SCHEMA_FILE, 'utf8'), 'run npm run schema').to.equal(printed);
  });
});
