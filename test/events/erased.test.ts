import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { forgetAuthorization, markDisconnected } from '../../src/creators/connection.ts';
import { findGrant } from '../../src/creators/grants.ts';
import { type Profile, saveCreator } from '../../src/creators/store.ts';
import { executeDeletion } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { rewriteDue } from '../../src/deletion/rewrite.ts';
import { aCreator } from '../support/a-creator.ts';
import { waitUntil } from '../support/wait-until.ts';
import { aSubscribed, happen, type Subscribed } from './subscribed.ts';

const never = new AbortController().signal;

describe('events of a creator', () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());

  const all = (): Promise<Subscribed> =>
    aSubscribed(
      ({ tell }) => ({ all: { on: ['job.*', 'creator.*', 'deletion.*'], run: tell } }),
      sandbox.url,
    );

  it('tell of connecting, of every way of losing the connection, and of leaving, each once', async () => {
    await using itIs = await all();
    const { ctx } = itIs;
    const profile: Profile = { open_id: 'p', username: 'p', nickname: null, avatar_url: null };
    const connect = () => ctx.db.transaction((trx) => saveCreator(trx, profile, ctx.config));
    const { id } = await connect();
    // Signing in again is no news.
    await connect();
    await ctx.db('grants').insert({
      ...{ creator_id: id, scopes: [], access_token: 'a', refresh_token: 'r' },
      ...{ access_expires_at: new Date(), refresh_expires_at: new Date() },
    });
    const version = (await findGrant(ctx.db, id))?.version as number;
    await markDisconnected(ctx, id, version);
    await markDisconnected(ctx, id, version);
    await connect();
    const removal = { reason: 1, at: new Date(Date.now() + 60_000) };
    await ctx.db.transaction((trx) => forgetAuthorization(trx, id, removal));
    await ctx.db.transaction((trx) => forgetAuthorization(trx, id, removal));
    await requestDeletion(ctx, id, 'self_service');
    await itIs.work();
    const news = () => itIs.told.filter(({ subject }) => subject.id === id);
    await waitUntil(() => news().length === 5);
    expect(news().map(({ name, details }) => [name, details])).to.deep.equal([
      ...[
        ['creator.connected', {}],
        ['creator.disconnected', {}],
        ['creator.reconnected', {}],
        ['creator.authorization_removed', { reason: 1 }],
        ['creator.leaving', {}],
      ],
    ]);
  });

  it('are forgotten with the creator, rows and runs; the deletion’s own are still told, without a name', async () => {
    await using itIs = await all();
    const { ctx, told } = itIs;
    const person = createAccount('leaving', 'Leaving');
    sandbox.state.accounts.push(person);
    const creator = await aCreator(ctx, sandbox, person);
    const staying = await itIs.job();
    await happen(ctx, staying, 'sent');
    const [job] = await ctx.db('jobs').where({ creator_id: creator.id, state: 'finished' });
    await happen(ctx, job.id, 'finished');
    const { id } = await requestDeletion(ctx, creator.id, 'self_service');
    expect(await ctx.db('event_deliveries').whereNotNull('creator_id')).to.have.length(1);
    // What is being sent is seen through for minutes: here nobody sends it.
    await ctx.db('deletions').update({ requested_at: new Date(Date.now() - 7 * 60_000) });
    await executeDeletion(ctx, id, never);
    await rewriteDue(ctx, never);
    const deletion = await ctx.db('deletions').where({ id }).first();
    expect(deletion).to.include({ traces: 0 });
    expect(deletion.receipt.rows).to.include({ event_deliveries: 2 });

    const left = await ctx.db('event_deliveries').orderBy('id');
    const names = left.map(({ name }) => name);
    expect(names).to.deep.equal([
      ...['job.sent', 'deletion.requested', 'deletion.erased', 'deletion.done'],
    ]);
    const { rows } = await ctx.db.raw(
      'select payload, key from graphile_worker._private_jobs where key like ?',
      ['event:%'],
    );
    const text = JSON.stringify([left, rows]);
    for (const mark of [creator.id, creator.open_id, job.id, 'leaving']) {
      expect(mark).to.have.length.above(6);
      expect(text).not.to.contain(mark);
    }
    await itIs.work();
    await waitUntil(() => told.length === 4);
    const news = told.filter(({ subject }) => subject.kind === 'deletion');
    expect(news.map(({ name, subject }) => [name, subject.id])).to.deep.equal(
      ['requested', 'erased', 'done'].map((name) => [`deletion.${name}`, id]),
    );
    expect(news[0]?.details).to.deep.equal({ method: 'self_service' });
  });
});
