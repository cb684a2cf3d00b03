// Shows that rows and accounts are removed exactly when their term is over.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { declaredTables } from '../../src/privacy/eraser.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { ago, aKept, DAY, HOUR, type Kept, never, swept } from './kept.ts';

const MINUTE = 60_000;
const ENV = {
  LOG_RETENTION_DAYS: '30',
  JOB_HISTORY_DAYS: '100',
  REQUEST_RETENTION_DAYS: '200',
  DISCONNECTED_DAYS: '30',
};

describe('what has a term', () => {
  let itIs: Kept;
  beforeEach(async () => {
    itIs = await aKept(ENV);
  });
  afterEach(() => itIs[Symbol.asyncDispose]());

  /** Makes rows that differ in one time: a sweep removes those of `gone` ago and keeps the others. */
  async function expectTerm(
    table: string,
    row: (at: Date) => Record<string, unknown>,
    { gone, kept }: { gone: number[]; kept: number[] },
  ): Promise<void> {
    const { db } = itIs.ctx;
    const before = (await db(table)).length;
    for (const ms of [...gone, ...kept]) await db(table).insert(row(ago(ms)));
    const others = await swept(itIs.ctx);
    await sweep(itIs.ctx, never);
    expect(await db(table), table).to.have.length(before + kept.length);
    const now = await swept(itIs.ctx);
    expect((now[table] ?? 0) - (others[table] ?? 0), table).to.equal(gone.length);
  }

  it('is deleted after it, and not before', async () => {
    const { creator_id } = itIs;
    await expectTerm(
      'api_keys',
      (expiresAt) => ({
        ...{
          creator_id,
          name: randomUUID(),
          key_hash: randomUUID(),
          hint: 'abcd',
          expires_at: expiresAt,
        },
      }),
      { gone: [30 * DAY + MINUTE], kept: [30 * DAY - MINUTE, 0, -DAY] },
    );
    await expectTerm(
      'sessions',
      (expiresAt) => ({ id_hash: randomUUID(), creator_id, expires_at: expiresAt }),
      { gone: [MINUTE], kept: [-MINUTE] },
    );
    await expectTerm(
      'oauth_states',
      (expiresAt) => ({ state_hash: randomUUID(), browser_hash: 'x', expires_at: expiresAt }),
      { gone: [MINUTE], kept: [-MINUTE] },
    );
    await expectTerm(
      'invitations',
      (expiresAt) => ({ token_hash: randomUUID(), expires_at: expiresAt }),
      {
        gone: [DAY + MINUTE],
        kept: [DAY - MINUTE, -DAY],
      },
    );
    await expectTerm(
      'idempotency_keys',
      (createdAt) => ({
        ...{ creator_id, key_hash: randomUUID(), request_hash: 'x', locked_until: createdAt },
        created_at: createdAt,
      }),
      { gone: [DAY + MINUTE], kept: [DAY - MINUTE, 0] },
    );
    await expectTerm(
      'rate_limits',
      (at) => ({ key: randomUUID(), points: 1, expire: at.getTime() }),
      { gone: [HOUR], kept: [0, -MINUTE] },
    );
    await expectTerm('tiktok_calls', (at) => ({ creator_id, call: 'status', at }), {
      gone: [11 * MINUTE],
      kept: [9 * MINUTE],
    });
  });

  it('of the request log is over before the last day ends, even when a sweep comes late', async () => {
    await expectTerm(
      'request_log',
      (at) => ({ at, method: 'GET', route: '/', status: 200, duration_ms: 1, request_id: 'x' }),
      { gone: [30 * DAY, 30 * DAY - 59 * MINUTE, 90 * DAY], kept: [30 * DAY - 61 * MINUTE, 0] },
    );
  });

  it('of the lines that tell of sweeps ends, too', async () => {
    const { db } = itIs.ctx;
    const line = (ms: number) => ({ at: ago(200 * DAY + ms), what: 'x', removed: 1, ms: 1 });
    await db('sweeps').insert([line(MINUTE), line(-MINUTE)]);
    await sweep(itIs.ctx, never);
    expect(await swept(itIs.ctx)).to.deep.equal({ x: 1, sweeps: 1 });
  });

  it('as history goes with all that belongs to it, and what has not ended stays', async () => {
    const { db } = itIs.ctx;
    const over = ago(100 * DAY + MINUTE);
    const ended = await itIs.job({ state: 'finished', finished_at: over });
    const recent = await itIs.job({ state: 'failed', finished_at: ago(100 * DAY - MINUTE) });
    const waiting = await itIs.job({ state: 'ready', send_at: over });
    for (const jobId of [ended, recent, waiting])
      await db('job_events').insert({ job_id: jobId, name: 'x' });
    await sweep(itIs.ctx, never);
    expect(await db('jobs').pluck('id')).to.have.members([recent, waiting]);
    expect(await db('job_events').pluck('job_id')).to.have.members([recent, waiting]);
  });

  it('as a receipt or a request is counted from its end, and one that goes on stays', async () => {
    const { db } = itIs.ctx;
    const over = ago(200 * DAY + MINUTE);
    const receipt = (doneAt: Date | null, revocation: string) => ({
      ...{
        receipt_token: randomUUID(),
        method: 'api',
        requested_at: over,
        done_at: doneAt,
        revocation,
      },
    });
    await db('deletions').insert([
      receipt(over, 'revoked'),
      receipt(over, 'pending'),
      receipt(null, 'revoked'),
      receipt(ago(200 * DAY - MINUTE), 'revoked'),
    ]);
    await db('deletion_requests').insert([
      { received_at: over, state: 'refused', closed_at: over },
      { received_at: over, state: 'verified', closed_at: null },
    ]);
    await sweep(itIs.ctx, never);
    expect(await db('deletions')).to.have.length(3);
    expect(await db('deletion_requests').pluck('state')).to.deep.equal(['verified']);
  });

  it('names a column that exists and days that are a setting', async () => {
    const { ctx } = itIs;
    const endings = Object.entries(declaredTables(ctx.modules)).filter(([, { ends }]) => ends);
    expect(endings.length).to.be.greaterThan(9);
    // The database must accept each statement; an unknown column would throw.
    await sweep(ctx, never);
    for (const [table, { ends }] of endings) {
      const days = ends?.after;
      if (typeof days === 'object') expect(ctx.config[days.days], table).to.be.greaterThan(0);
    }
  });
});

describe('an account that ends by itself', () => {
  /** Makes a creator with these columns. Returns whether a sweep requested the deletion. */
  async function isEnded(itIs: Kept, columns: Record<string, unknown>, job = {}): Promise<boolean> {
    const { db } = itIs.ctx;
    const [creator] = await db('creators')
      .insert({ open_id: randomUUID(), plan: 'paid', ...columns })
      .returning('id');
    if (Object.keys(job).length > 0) {
      await db('jobs')
        .where({ id: await itIs.job(job) })
        .update({ creator_id: creator.id });
    }
    await sweep(itIs.ctx, never);
    const deletion = await db('deletions').where({ creator_id: creator.id }).first();
    const expected = 'disconnected_at' in columns ? 'disconnected' : 'inactive';
    if (deletion) expect(deletion.method).to.equal(expected);
    return deletion !== undefined;
  }

  it('is deleted DISCONNECTED_DAYS after TikTok’s permission was gone', async () => {
    await using itIs = await aKept(ENV);
    expect(await isEnded(itIs, { disconnected_at: ago(30 * DAY - MINUTE) })).to.equal(false);
    expect(await isEnded(itIs, { disconnected_at: ago(30 * DAY + MINUTE) })).to.equal(true);
    expect(await isEnded(itIs, { last_seen_at: ago(3650 * DAY) }), 'off').to.equal(false);
    expect(await swept(itIs.ctx)).to.deep.equal({ accounts_disconnected: 1 });
  });

  it('is deleted after INACTIVE_DAYS without use, but not while posts are to come', async () => {
    await using itIs = await aKept({ ...ENV, INACTIVE_DAYS: '90' });
    const lastSeenAt = ago(91 * DAY + MINUTE);
    expect(await isEnded(itIs, { last_seen_at: ago(90 * DAY) })).to.equal(false);
    expect(await isEnded(itIs, { last_seen_at: lastSeenAt }, { state: 'ready' })).to.equal(false);
    const posted = { state: 'finished', finished_at: ago(DAY) };
    expect(await isEnded(itIs, { last_seen_at: lastSeenAt }, posted)).to.equal(false);
    const longAgo = { state: 'finished', finished_at: ago(95 * DAY) };
    expect(await isEnded(itIs, { last_seen_at: lastSeenAt }, longAgo)).to.equal(true);
    expect(await swept(itIs.ctx)).to.deep.equal({ accounts_inactive: 1 });
  });

  it('is kept when the creator comes back in the moment before', async () => {
    await using itIs = await aKept(ENV);
    const { db } = itIs.ctx;
    await db('creators').update({ disconnected_at: ago(31 * DAY) });
    const back = await db.transaction();
    await back('creators').update({ disconnected_at: null });
    // The sweep lists the account before the return is committed, then waits for the row.
    const sweeping = sweep(itIs.ctx, never);
    const waiting =
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while ((await db.raw(waiting)).rows.length === 0);
    await back.commit();
    await sweeping;
    expect(await db('deletions')).to.have.length(0);
    expect((await db('creators').first()).leaving_at).to.equal(null);
    expect(await swept(itIs.ctx)).to.deep.equal({});
  });
});
