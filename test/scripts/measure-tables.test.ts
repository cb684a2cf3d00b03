// Shows that the table rule finds reads and writes, in knex chains and in SQL, that a folder may not do.
import { expect } from 'chai';
import { listTableUses } from '../../scripts/measure/table-uses.ts';
import { findOwners, listForeignUses, listUnownedTables } from '../../scripts/measure/tables.ts';
import { GOOD, parse } from '../support/made-tree.ts';

describe('the table rule', () => {
  const owned = (path: string, text: string) => listForeignUses(parse({ ...GOOD, [path]: text }));

  for (const [what, text] of [
    ['a chain', "db('creators').where({ id }).update({ a: 1 })"],
    ['a chain of a context', "ctx.db('creators').where({ id }).delete()"],
    ['either connection', "(trx ?? ctx.db)('creators').delete()"],
    ['a connection under a type', "function f(q: Knex) { (q as Knex)('creators').delete() }"],
    ['an alias', "trx('creators as c').increment('a')"],
    ['a chain that names the table last', "trx.insert(row).into('creators')"],
    ['a batch', "db.batchInsert('creators', rows)"],
    ['a table in a constant', "const TABLE = 'creators'; db(TABLE).delete()"],
    ['a builder under a name', "const rows = db('creators').where({ id }); rows.update({ a: 1 })"],
    ['a builder of a function', "const find = (id) => db('creators').where({ id }); find(1).del()"],
    ['an update in SQL', "db.raw('update creators set a = 1')"],
    ['an insert in SQL', 'db.raw(`insert into public.creators (id) values (?)`)'],
    ['a delete in SQL', "db.raw('with a as (delete from creators returning id) select 1')"],
    ['a truncate in SQL', "const sql = 'truncate creators';"],
  ]) {
    it(`finds a foreign write by ${what}`, () => {
      expect(owned('src/jobs/a.ts', text as string), text).to.deep.equal([
        'src/jobs/a.ts:1 writes creators, which belongs to creators',
      ]);
      expect(owned('src/creators/a.ts', text as string)).to.deep.equal([]);
    });
  }

  for (const text of [
    "db('jobs').first()",
    "db('creators').join('jobs', 'a', 'b')",
    "db.raw('select 1 from creators c, jobs j')",
    "const joined = 'left join jobs on true';",
    "db('creators').whereExists(db.select().from('jobs'))",
  ]) {
    it(`finds a read from below: ${text}`, () => {
      expect(owned('src/creators/a.ts', text)).to.deep.equal([
        'src/creators/a.ts:1 reads jobs, which belongs to jobs',
      ]);
      expect(owned('src/account/a.ts', text)).to.deep.equal([]);
    });
  }

  it('lets what works on any declared table name none', () => {
    const text = `trx(table).delete(); trx.raw(\`delete from \${quoted(table)} as t\`);`;
    expect(owned('src/privacy/eraser.ts', text)).to.deep.equal([]);
  });

  it('reads no table into prose, comments in SQL, or a lock of rows', () => {
    const text =
      "log('Told from jobs'); db.raw(`select 1 from creators -- not from jobs\n for update of jobs`)";
    const tables = parse({ 'src/creators/a.ts': text }).flatMap(listTableUses);
    expect(tables.map(({ table }) => table)).not.to.include('jobs');
  });

  it('knows the tables of the queue, its functions included, and names a table without an owner', () => {
    expect(owned('src/jobs/a.ts', "db.raw('select graphile_worker.add_job(?)')")).to.have.length(1);
    expect(owned('src/queue/a.ts', "db.raw('select graphile_worker.add_job(?)')")).to.be.empty;
    const schema = 'create table jobs (\ncreate table lost (\n';
    expect(listUnownedTables(schema, findOwners(parse(GOOD)))).to.deep.equal(['lost']);
  });
});
