// Shows when the files of the database are rewritten, what holds that up, and what a receipt says then.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Knex } from 'knex';
import type pg from 'pg';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { openPool } from '../../src/base/database.ts';
import { rewriteTables } from '../../src/base/table-rewrite.ts';
import { listLogKeepers } from '../../src/base/write-ahead-log.ts';
import type { Context } from '../../src/context/context.ts';
import { executeDeletion, resumeDeletions } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { rewriteDue } from '../../src/deletion/rewrite.ts';
import { finishRewrite, listOwedRewrites, REWRITE } from '../../src/deletion/rewrite-store.ts';
import { type Deletion, findDeletion } from '../../src/deletion/store.ts';
import { aCreator } from '../support/a-creator.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';

const { signal } = new AbortController();

describe('the rewrite after a deletion', () => {
  let sandbox: Sandbox;
  let own: OwnContext;
  let ctx: Context;
  let persons = 0;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox?.close());
  beforeEach(async () => {
    own = await anOwnContext({ tiktok_url: sandbox.url });
    ctx = own.ctx;
  });
  afterEach(() => own?.[Symbol.asyncDispose]());

  /** Deletes somebody, as far as the search for traces. */
  async function searched(): Promise<string> {
    persons += 1;
    const account = createAccount(`rewritten.${persons}`, 'Somebody');
    sandbox.state.accounts.push(account);
    const { id } = await aCreator(ctx, sandbox, account);
    const deletion = await requestDeletion(ctx, id, 'self_service');
    await executeDeletion(ctx, deletion.id, signal);
    return deletion.id;
  }

  const find = async (id: string) => (await findDeletion(ctx.db, id)) as Deletion;
  const queued = async () => {
    const { rows } = await ctx.db.raw(
      'select count(*) from graphile_worker._private_jobs where key = ?',
      [REWRITE],
    );
    return rows[0].count;
  };
  const fileOf = async (table: string) =>
    (await ctx.db.raw('select pg_relation_filenode(?::regclass) as file', [table])).rows[0].file;

  it('comes before the receipt, and is one for all deletions that wait', async () => {
    const ids = [await searched(), await searched(), await searched()];
    for (const id of ids) {
      expect(await find(id)).to.include({ traces: 0, done_at: null, sealed_identifiers: null });
    }
    expect(await queued()).to.equal(1);
    const before = await fileOf('jobs');
    await rewriteDue(ctx, signal);
    for (const id of ids) {
      const done = await find(id);
      expect(done.done_at).to.be.instanceOf(Date);
      expect(done.receipt).to.include({ is_log_kept: false });
      expect(done).to.deep.include({ rewrite_tables: [], rewrite_at: null });
    }
    expect(await fileOf('jobs')).not.to.equal(before);
  });

  it('is queued again by the next minute when its run was lost', async () => {
    const id = await searched();
    await ctx.db.raw('delete from graphile_worker._private_jobs');
    await resumeDeletions(ctx, signal);
    expect(await queued()).to.equal(1);
    expect((await find(id)).done_at).to.equal(null);
  });

  it('covers a deletion that an older version ended', async () => {
    const id = await searched();
    await ctx
      .db('deletions')
      .where({ id })
      .update({ done_at: new Date(), searched_at: null, rewrite_at: null, rewrite_tables: [] });
    const before = await fileOf('jobs');
    await resumeDeletions(ctx, signal);
    await rewriteDue(ctx, signal);
    expect(await fileOf('jobs')).not.to.equal(before);
    expect(await queued()).to.equal(1);
  });

  it('waits for a transaction that is older, for which the rows are kept', async () => {
    const older = await ctx.db.transaction();
    try {
      await older.raw('select pg_current_xact_id()');
      const id = await searched();
      const timing = { ...ctx.timing, rewriteOutlastMs: 100 };
      await rewriteDue({ ...ctx, timing }, signal);
      expect((await find(id)).done_at).to.equal(null);
      expect(await queued()).to.equal(1);
      await older.commit();
      await rewriteDue(ctx, signal);
      expect((await find(id)).done_at).to.be.instanceOf(Date);
    } finally {
      await older.rollback().catch(() => {});
    }
  });

  it('waits for a table that somebody holds, and keeps what it has done', async () => {
    const id = await searched();
    const holder = await ctx.db.transaction();
    await holder.raw('lock table media in access share mode');
    await rewriteDue(ctx, signal).finally(() => holder.rollback());
    expect(await find(id)).to.deep.include({ done_at: null, rewrite_tables: ['media'] });
    const before = await fileOf('jobs');
    await rewriteDue(ctx, signal);
    expect((await find(id)).done_at).to.be.instanceOf(Date);
    expect(await fileOf('jobs'), 'not once more').to.equal(before);
  });

  it('forgets the statistics also where it is killed once it has recorded what is clean', async () => {
    const id = await searched();
    await rewriteDue(ctx, signal);
    // An empty table of which the planner still knows values.
    await ctx.db.raw('create table left_empty (word text)');
    await ctx.db.raw("insert into left_empty select 'canary' from generate_series(1, 9)");
    await ctx.db.raw('analyze left_empty');
    await ctx.db.raw('truncate left_empty');
    await ctx
      .db('deletions')
      .where({ id })
      .update({ rewrite_tables: ['left_empty'], rewrite_at: new Date(0) });
    const die = (_answer: unknown, { sql }: { sql: string }) => {
      if (sql.includes('except select unnest')) throw new Error('killed');
    };
    ctx.db.on('query-response', die);
    await rewriteDue(ctx, signal).catch(() => {});
    ctx.db.off('query-response', die);
    await rewriteDue(ctx, signal);
    expect(await find(id)).to.deep.include({ rewrite_tables: [], rewrite_at: null });
    expect(await ctx.db('pg_stats').where({ tablename: 'left_empty' })).to.deep.equal([]);
  });

  it('comes once more when a token went that TikTok was to be shown', async () => {
    sandbox.state.faults.push({ endpoint: 'oauth/revoke', kind: 'http_500', count: 1 });
    const id = await searched();
    await rewriteDue(ctx, signal);
    expect(await find(id)).to.deep.include({ revocation: 'pending', rewrite_at: null });
    await ctx.db('deletions').where({ id }).update({ revoke_at: new Date() });
    await resumeDeletions(ctx, signal);
    expect(await find(id)).to.deep.include({
      ...{ revocation: 'revoked', sealed_grant: null, rewrite_tables: ['deletions'] },
    });
    const before = await fileOf('deletions');
    await rewriteDue(ctx, signal);
    expect(await fileOf('deletions')).not.to.equal(before);
  });

  it('leaves large tables for the first of the next month, and only then locks them', async () => {
    const id = await searched();
    const tables = { clean: ['jobs'], large: ['media'], held: [] };
    const result = await withClient(ctx, (client) =>
      rewriteTables(client, ['jobs', 'media'], {
        mayBeLarge: (table) => table === 'jobs',
        largeBytes: 8192,
        signal,
      }),
    );
    expect(result).to.deep.equal(tables);
    await ctx.db('deletions').where({ id }).update({ rewrite_tables: tables.large });
    const [owed] = await listOwedRewrites(ctx.db);
    if (!owed) throw new Error('Expected a rewrite to be owed');
    expect(owed.is_monthly).to.equal(false);
    await ctx.db.transaction((trx: Knex.Transaction) => finishRewrite(trx, owed, {}));
    const { rewrite_at: day, done_at } = await find(id);
    expect(done_at).to.be.instanceOf(Date);
    expect([day?.getUTCDate(), day?.getUTCHours()]).to.deep.equal([1, 3]);
    expect(day?.getTime()).to.be.greaterThan(Date.now());
    await ctx.db.raw(
      "update deletions set rewrite_at = date_trunc('month', now(), 'UTC') + interval '3 hours'",
    );
    expect((await listOwedRewrites(ctx.db))[0]?.is_monthly).to.equal(true);
  });

  it('names what a role without rights keeps it from doing', async () => {
    const role = `limited_${randomUUID().slice(0, 8)}`;
    await ctx.db.raw(`create role ${role}`);
    try {
      const kept = await withClient(ctx, async (client) => {
        await client.query(`set role ${role}`);
        return listLogKeepers((sql) => client.query(sql));
      });
      expect(kept).to.deep.equal([
        `grant execute on function pg_switch_wal() to "${role}"`,
        `grant pg_checkpoint to "${role}" (PostgreSQL 15 or newer)`,
      ]);
    } finally {
      await ctx.db.raw(`drop role ${role}`);
    }
  });

  async function withClient<T>(
    { connection }: Context,
    work: (client: pg.ClientBase) => Promise<T>,
  ): Promise<T> {
    const pool = openPool(connection, { lock_timeout: 1_000 });
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release(true);
      await pool.end();
    }
  }
});
