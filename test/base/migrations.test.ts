// Compares a database with the version that runs: newer migrations, missing columns, killed starts.
import { expect } from 'chai';
import { type Database, openDatabase } from '../../src/base/database.ts';
import { isMigrated, listApplied, migrate, migrationNames } from '../../src/base/migrations.ts';
import { listColumns, SchemaFault } from '../../src/base/schema-check.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

describe('the migrations of a database', () => {
  let fresh: FreshDatabase;
  let db: Database;
  beforeEach(async () => {
    fresh = await freshDatabase();
    db = openDatabase(fresh.connection);
  });
  afterEach(() => db?.destroy());

  const faultOfStart = async () => {
    const fault = await migrate(db, fresh.connection).catch((error: unknown) => error);
    expect(fault).to.be.instanceOf(SchemaFault);
    return (fault as SchemaFault).message;
  };

  it('leave a running process ready when a newer version adds more, but let none start', async () => {
    for (const table of ['knex_migrations', 'schema_migrations']) {
      await db(table).insert({ name: '9999_newer.ts' });
      expect(await isMigrated(db), table).to.equal(true);
      const message = await faultOfStart();
      expect(message)
        .to.contain('made ready by a newer version of PM3K')
        .and.contain('9999_newer.ts')
        .and.contain('Start that version, or restore a backup.');
      await db(table).where({ name: '9999_newer.ts' }).delete();
    }
    await migrate(db, fresh.connection);
  });

  it('are pending where one of this version is not recorded', async () => {
    await db('schema_migrations')
      .where({ name: (await migrationNames()).at(-1) })
      .delete();
    expect(await isMigrated(db)).to.equal(false);
  });

  it('are recorded where versions that use knex do not look, from 0014 on', async () => {
    const names = await migrationNames();
    const known = await db('knex_migrations').orderBy('id').pluck('name');
    expect(known).to.deep.equal(names.slice(0, 13));
    expect(await listApplied((sql) => db.raw(sql))).to.deep.equal(names);
  });

  it('tell which table lacks which column', async () => {
    await db.raw('alter table jobs drop column waiting_since');
    expect(await faultOfStart())
      .to.contain('table jobs')
      .and.contain('column waiting_since');
    await db.raw('alter table jobs add column waiting_since timestamptz; drop table domains');
    expect(await faultOfStart()).to.contain('table domains');
  });

  it('go on after a process was killed while it had set the flag of knex', async () => {
    await db('knex_migrations_lock').update({ is_locked: 1 });
    await migrate(db, fresh.connection);
    expect(await db('knex_migrations_lock').pluck('is_locked')).to.deep.equal([0]);
  });
});

describe('the columns of a schema', () => {
  it('are read without its constraints and indexes', () => {
    const schema = `create table a (
  id uuid not null,
  constraint a_pkey PRIMARY KEY (id)
);
CREATE INDEX a_idx ON public.a USING btree (id);

create table b (
  name text
);`;
    expect(listColumns(schema)).to.deep.equal([
      { table_name: 'a', column_name: 'id' },
      { table_name: 'b', column_name: 'name' },
    ]);
  });
});
