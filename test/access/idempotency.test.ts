// Shows that a request under an Idempotency-Key is done once, and what is remembered of it.
import { expect } from 'chai';
import { once } from '../../src/access/idempotency.ts';
import type { Client } from '../support/appliance.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { expectProblem } from '../support/problem.ts';
import { sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

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
  before(async () => {
    own = await anOwnContext();
    const rows = ['x', 'y'].map((openId) => ({ open_id: openId, plan: 'paid' }));
    [creatorId = '', otherId = ''] = (
      await own.ctx.db('creators').insert(rows).returning('id')
    ).map(({ id }) => id as string);
  });
  after(() => own?.[Symbol.asyncDispose]());

  const answered = (body: string) => async () => ({ status: 201, location: null, body });
  const ask = (key: string, work = answered('first'), request = 'POST /v1/jobs {}') =>
    once(own.ctx, { creatorId, key, request }, work);
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

  it('does not count when its lock ran out and another was quicker', async () => {
    const slow = ask('slow', async () => {
      await age({ locked_until: '1 second' });
      const quick = await ask('slow', answered('quick'));
      expect(quick.replayed).to.equal(false);
      return { status: 201, location: null, body: 'slow' };
    });
    expect(await codeOf(slow)).to.equal('idempotency_in_progress');
    expect((await ask('slow')).answer.body).to.equal('quick');
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
