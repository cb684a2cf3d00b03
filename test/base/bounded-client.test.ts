// Shows what a time limit of a query ends: a slow query, or a connection that died without a word.
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { SilentConnection, withQueryLimit } from '../../src/base/bounded-client.ts';
import { type Database, openDatabase, openPool } from '../../src/base/database.ts';
import { aLine, type DatabaseLine } from '../support/line.ts';

const LIMIT_MS = 3_000;

const fault = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error & { code?: string }) => error,
  );

describe('a query', () => {
  let line: DatabaseLine;
  let db: Database;
  beforeEach(async () => {
    line = await aLine();
    db = openDatabase({ connectionString: line.url }, { limitMs: LIMIT_MS });
  });
  afterEach(async () => {
    await db.destroy();
    await line[Symbol.asyncDispose]();
  });

  const readPid = async () => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid;

  it('that is slow is ended by the server, and its connection stays', async () => {
    const pid = await readPid();
    const error = await fault(db.raw('select pg_sleep(60)'));
    expect(error?.code, 'statement_timeout').to.equal('57014');
    expect(await readPid()).to.equal(pid);
  });

  it('may take as long as its purpose says, and the next one on its connection may not', async () => {
    const pid = await readPid();
    const sleep = () => db.transaction((trx) => trx.raw('select pg_sleep(4)'));
    expect(await fault(withQueryLimit(60_000, sleep))).to.equal(undefined);
    expect((await fault(sleep()))?.code).to.equal('57014');
    expect(await readPid()).to.equal(pid);
  });

  it('that is not answered ends its connection, and those that have been silent as long', async () => {
    const busy = () => db.raw('select pg_backend_pid() as pid, pg_sleep(0.3)');
    const found = await Promise.all([busy(), busy(), busy()]);
    const pids = new Set(found.map(({ rows }) => rows[0].pid));
    expect(pids).to.have.property('size', 3);
    line.swallow(true);
    expect(await fault(db.raw('select 1'))).to.be.instanceOf(SilentConnection);
    // None of the three is handed out again: each would be silent too.
    for (let n = 0; n < 3; n += 1) expect(pids).to.not.include(await readPid());
  });

  it('ends a connection in a transaction as well, whose work the database takes back', async () => {
    await db.raw('create table things (name text)');
    const error = await fault(
      db.transaction(async (trx) => {
        await trx('things').insert({ name: 'a' });
        line.swallow(true);
        await trx('things').insert({ name: 'b' });
      }),
    );
    expect(error).to.be.an('error');
    expect(await db('things')).to.deep.equal([]);
  });
});

describe('a pool for graphile-worker', () => {
  it('hides that the database is starting, because graphile-worker would wait for minutes', async () => {
    await using server = await aStartingDatabase();
    const { port } = server.address() as { port: number };
    const pool = openPool({ host: '127.0.0.1', port, user: 'u', database: 'd' });
    const errors = [
      await fault(pool.connect()),
      await new Promise<Error & { code?: string }>((done) =>
        pool.connect((error) => done(error as Error)),
      ),
    ];
    for (const error of errors) {
      expect(error?.message).to.contain('57P03');
      expect(error?.code).to.equal(undefined);
    }
    await pool.end();
  });
});

/** Refuses every connection as PostgreSQL does until it has recovered. */
async function aStartingDatabase(): Promise<Server> {
  const fields = ['SFATAL', 'C57P03', 'Mthe database system is starting up', ''];
  const body = Buffer.from(`${fields.join('\0')}\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([head, body])));
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}
