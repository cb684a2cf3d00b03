// Shows that a request under an Idempotency-Key is done once, and what is remembered of it.
import { expect } from 'chai';
import { once } from '../../src/access/idempotency.ts';
import { sha256 } from '../../src/base/secrets.ts';
import type { Context } from '../../src/context/context.ts';
import type { Client } from '../support/appliance.ts';
import { aContext, anOwnContext, type OwnContext } from '../support/context.ts';
import { isLockAwaited } from '../support/locks.ts';
import { expectProblem } from '../support/problem.ts';
import { sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a job', () => {
  let creator: Client;
  before(async () => {
    creator = await (await sharedAppliance()).creator('asks.once');
  });

  it('is answered the same for the same Idempotency-Key, and made once', async () => {
    const upload = await creator.upload(await video({ seconds: 1.5 }));
    const request = creator.job(upload.json['storage_key']);
    const headers = { 'idempotency-key': 'once-1' };
    const answers = await Promise.all(
      [1, 2, 3].map(() => creator.api('POST', '/v1/jobs', request, headers)),
    );
    const ids = new Set(
      answers.filter((each) => each.status === 202).map((each) => each.json['id']),
    );
    expect(ids.size).to.equal(1);
    for (const { status, json } of answers) {
      expect([202, 409]).to.include(status);
      if (status === 409) expect(json['code']).to.equal('idempotency_in_progress');
    }
    const again = await creator.api('POST', '/v1/jobs', request, headers);
    expect(again.headers.get('idempotency-replayed')).to.equal('true');
    expect(ids.has(again.json['id'])).to.equal(true);
    const other = await creator.api('POST', '/v1/jobs', { ...request, title: 'other' }, headers);
    expect(other.status).to.equal(422);
    expect(other.json['code']).to.equal('idempotency_conflict');
    await creator.ended(again.json['id']);
  });

  it('is answered the same also when its time is over', async () => {
    const upload = await creator.upload(await video());
    const request = creator.job(upload.json['storage_key'], {
      mode: 'schedule',
      schedule_at: new Date(Date.now() + 2_000).toISOString(),
    });
    const headers = { 'idempotency-key': 'planned-1' };
    const first = await creator.api('POST', '/v1/jobs', request, headers);
    await creator.ended(first.json['id']);
    const again = await creator.api('POST', '/v1/jobs', request, headers);
    expect([again.status, again.json['id']]).to.deep.equal([202, first.json['id']]);
    const another = await creator.api('POST', '/v1/jobs', request);
    expectProblem(another, { status: 400, code: 'invalid_request' });
  });

  it('with an empty Idempotency-Key is invalid_request', async () => {
    const { json } = await creator.upload(await video());
    const job = creator.job(json['storage_key']);
    const answer = await creator.api('POST', '/v1/jobs', job, { 'idempotency-key': '' });
    expectProblem(answer, { status: 400, code: 'invalid_request' });
    expect(answer.json['detail']).to.contain('Idempotency-Key');
  });
});

describe('work under an Idempotency-Key', () => {
  let own: OwnContext;
  let creatorId: string;
  let otherId: string;
  let beside: Context;
  before(async () => {
    own = await anOwnContext();
    beside = await aContext({ ...own, tiktok_url: 'http://127.0.0.1:9' });
    const rows = ['x', 'y'].map((openId) => ({ open_id: openId, plan: 'paid' }));
    [creatorId = '', otherId = ''] = (
      await own.ctx.db('creators').insert(rows).returning('id')
    ).map(({ id }) => id as string);
  });
  after(async () => {
    await beside?.db.destroy();
    await own?.[Symbol.asyncDispose]();
  });

  const answered = (body: string) => async () => ({ status: 201, location: null, body });
  const ask = (key: string, work = answered('first'), request = 'POST /v1/jobs {}') =>
    once(own.ctx, { creatorId, key, request }, work);
  const askBeside = (key: string) =>
    once(beside, { creatorId, key, request: 'POST /v1/jobs {}' }, answered('first'));
  const codeOf = (asked: Promise<unknown>) =>
    asked.then(
      () => 'none',
      (error) => error.code ?? error.message,
    );
  const age = (change: Record<string, string>) =>
    own.ctx
      .db('idempotency_keys')
      .where({ creator_id: creatorId })
      .update(
        Object.fromEntries(
          Object.entries(change).map(([name, ago]) => [
            name,
            own.ctx.db.raw('now() - ?::interval', [ago]),
          ]),
        ),
      );

  it('is one transaction with its answer, and frees the key when it throws', async () => {
    const failing = once(own.ctx, { creatorId, key: 'throws', request: 'r' }, async (trx) => {
      await trx('creators').where({ id: creatorId }).update({ nickname: 'written' });
      throw new Error('broke');
    });
    expect(await codeOf(failing)).to.equal('broke');
    const row = await own.ctx.db('creators').where({ id: creatorId }).first();
    expect(row.nickname).to.equal(null);
    expect(
      (await once(own.ctx, { creatorId, key: 'throws', request: 'r' }, answered('then'))).replayed,
    ).to.equal(false);
  });

  it('is another creator’s own, under the same key', async () => {
    expect((await ask('two')).answer.body).to.equal('first');
    const other = await once(
      own.ctx,
      { creatorId: otherId, key: 'two', request: 'anything' },
      answered('other'),
    );
    expect(other).to.deep.equal({
      ...{ answer: { status: 201, location: null, body: 'other' }, replayed: false },
    });
    expect((await ask('two', answered('second'))).answer.body).to.equal('first');
  });

  it('frees the key as soon as the connection of a dead process has ended', async () => {
    const begun = Promise.withResolvers<void>();
    const died = Promise.withResolvers<void>();
    const dead = codeOf(
      ask('dead', async () => {
        begun.resolve();
        await died.promise;
        return { status: 201, location: null, body: 'dead' };
      }),
    );
    await begun.promise;
    expect(await codeOf(askBeside('dead'))).to.equal('idempotency_in_progress');
    // What the server does when it notices that the other end of a connection is gone.
    await beside.db.raw(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where state = 'idle in transaction' and datname = current_database()`,
    );
    const next = await waitUntil(() => askBeside('dead').catch(() => null), 10_000);
    expect([next.replayed, next.answer.body]).to.deep.equal([false, 'first']);
    died.resolve();
    expect(await dead).not.to.equal('none');
    expect((await ask('dead')).answer.body).to.equal('first');
  });

  it('waits for an older version, which committed its key before its work', async () => {
    const row = { creator_id: creatorId, key_hash: sha256('older') };
    const inTime = (of: string) => own.ctx.db.raw('now() + ?::interval', [of]);
    await own.ctx.db('idempotency_keys').insert({
      ...{ ...row, request_hash: sha256('POST /v1/jobs {}'), locked_until: inTime('1 minute') },
    });
    expect(await codeOf(ask('older'))).to.equal('idempotency_in_progress');
    await own.ctx
      .db('idempotency_keys')
      .where(row)
      .update({ locked_until: inTime('-1 second') });
    let late: Promise<number> | undefined;
    const { answer } = await ask('older', async () => {
      // It goes on although its time is over, and must find that its answer does not count.
      late = beside
        .db('idempotency_keys')
        .where({ ...row, status: null })
        .update({ status: 202 })
        .then((rows) => rows);
      await waitUntil(() => isLockAwaited(own.ctx.db, 'transactionid'), 10_000);
      return { status: 201, location: null, body: 'newer' };
    });
    expect([answer.body, await late]).to.deep.equal(['newer', 0]);
    expect((await ask('older')).answer.body).to.equal('newer');
  });

  it('keeps out an older version that begins meanwhile', async () => {
    const row = { creator_id: creatorId, key_hash: sha256('newer') };
    let older: Promise<unknown> | undefined;
    await ask('newer', async () => {
      older = beside
        .db('idempotency_keys')
        .insert({ ...row, request_hash: 'x', locked_until: beside.db.fn.now() })
        .onConflict(['creator_id', 'key_hash'])
        .ignore()
        .returning('key_hash')
        .then((rows) => rows);
      await waitUntil(() => isLockAwaited(own.ctx.db, 'transactionid'), 10_000);
      return { status: 201, location: null, body: 'newer' };
    });
    expect(await older).to.deep.equal([]);
  });

  it('is remembered for 24 hours', async () => {
    await ask('day');
    await age({ created_at: '23 hours' });
    expect(await codeOf(ask('day', answered('x'), 'another'))).to.equal('idempotency_conflict');
    await age({ created_at: '25 hours' });
    expect((await ask('day', answered('next day'), 'another')).answer.body).to.equal('next day');
  });

  it('is refused for what is no key', async () => {
    for (const key of ['', 'a b', 'ä', 'x'.repeat(256)]) {
      expect(await codeOf(ask(key)), key).to.equal('invalid_request');
    }
  });
});
