// Shows that a person who connects again during a deletion keeps the new grant.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import type { Account } from '../../scripts/tiktok-sandbox/state.ts';
import { Problem } from '../../src/base/errors.ts';
import { finishSignIn } from '../../src/connections/sign-in.ts';
import type { Context } from '../../src/context/context.ts';
import { executeDeletion, isQuiet } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { takeGrantOver, tryDueRevocations } from '../../src/deletion/revoke.ts';
import { findDeletion, openIdentifiers } from '../../src/deletion/store.ts';
import { acceptJob } from '../../src/jobs/accept/accept.ts';
import { retryJob } from '../../src/jobs/commands.ts';
import { aCreator } from '../support/a-creator.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';

const { signal } = new AbortController();

describe('a person who returns while their deletion is under way', () => {
  let ctx: Context;
  let sandbox: Sandbox;
  let own: OwnContext;
  let someone: Account;
  let persons = 0;
  before(async () => {
    sandbox = await startSandbox();
    own = await anOwnContext({ tiktok_url: sandbox.url });
    ctx = own.ctx;
  });
  after(async () => {
    await own?.[Symbol.asyncDispose]();
    await sandbox?.close();
  });
  beforeEach(() => {
    persons += 1;
    someone = createAccount(`back.${persons}`, `Back ${persons}`);
    sandbox.state.accounts.push(someone);
  });

  /** Returns the tokens that TikTok gives with a new consent. */
  function granted() {
    const answer = {
      access_token: `act.new${persons}`,
      refresh_token: `rft.new${persons}`,
      open_id: someone.open_id,
      scopes: ['user.info.basic', 'video.publish', 'video.upload'],
      access_expires_at: new Date(Date.now() + 7_200_000),
      refresh_expires_at: new Date(Date.now() + 1e9),
      told_at: null,
    };
    sandbox.state.grants.push({
      ...{ open_id: someone.open_id, scopes: answer.scopes, client_key: 'sbsandbox' },
      ...{ access_token: answer.access_token, refresh_token: answer.refresh_token },
      access_expires_at: answer.access_expires_at.getTime(),
      refresh_expires_at: answer.refresh_expires_at.getTime(),
      used_refresh_tokens: [],
    });
    return answer;
  }
  const connect = () => {
    const state = {
      ...{ state_hash: '', browser_hash: '', code_verifier: null, invitation_id: null },
      ...{ expires_at: new Date(), request_id: null, proof_token_hash: null },
    };
    return finishSignIn(ctx, { state, answer: granted() }, signal);
  };
  const deletionOf = async (id: string) => {
    const deletion = await findDeletion(ctx.db, id);
    if (!deletion) throw new Error('Expected the deletion to be there');
    return deletion;
  };
  const revoked = () =>
    sandbox.state.revocations.filter(({ open_id }) => open_id === someone.open_id).length;
  const isGranted = () =>
    sandbox.state.grants.some(({ access_token }) => access_token === `act.new${persons}`);

  it('keeps the new grant when the old one was not yet taken over', async () => {
    const old = await aCreator(ctx, sandbox, someone);
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    const again = await connect();
    expect(again.id).not.to.equal(old.id);
    await executeDeletion(ctx, id, signal);
    await tryDueRevocations(ctx, signal);
    const done = await deletionOf(id);
    expect(done).to.include({ revocation: 'superseded', traces: 0, open_id_hash: null });
    expect(done.receipt.rows).to.include({ grants: 1, creators: 1 });
    expect(revoked()).to.equal(0);
    expect(isGranted()).to.equal(true);
    expect(await ctx.db('grants').where({ creator_id: again.id })).to.have.length(1);
  });

  it('keeps it when TikTok has not answered the revocation yet', async () => {
    const old = await aCreator(ctx, sandbox, someone);
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    sandbox.state.faults.push({ endpoint: 'oauth/revoke', kind: 'http_500', count: 1 });
    await executeDeletion(ctx, id, signal);
    expect(await deletionOf(id)).to.include({ revocation: 'pending', traces: 0 });
    await connect();
    await ctx.db('deletions').where({ id }).update({ revoke_at: new Date() });
    await tryDueRevocations(ctx, signal);
    const done = await deletionOf(id);
    expect(done).to.include({ revocation: 'superseded', sealed_grant: null, open_id_hash: null });
    expect(revoked()).to.equal(0);
    expect(isGranted()).to.equal(true);
  });

  it('is asked to connect once more when TikTok ended both in the same moment', async () => {
    const old = await aCreator(ctx, sandbox, someone);
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    const deletion = await deletionOf(id);
    const who = openIdentifiers(ctx, deletion);
    if (!who) throw new Error('Expected the deletion to know whom it deletes');
    await isQuiet(ctx, deletion, who);
    await takeGrantOver(ctx, deletion, who);
    sandbox.state.faults.push({ endpoint: 'oauth/revoke', kind: 'slow', count: 1 });
    const revoking = tryDueRevocations(ctx, signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const error = await connect().catch((fault) => fault);
    await revoking;
    expect(error).to.be.instanceOf(Problem);
    expect(error.message).to.contain('connect once more');
    expect((await deletionOf(id)).revocation).to.equal('revoked');
    const again = await connect();
    expect(await ctx.db('grants').where({ creator_id: again.id })).to.have.length(1);
  });

  it('is told the truth when a refresh was lost before the deletion', async () => {
    const old = await aCreator(ctx, sandbox, someone, 'lapsed');
    await ctx
      .db('grants')
      .where({ creator_id: old.id })
      .update({ lease_id: randomUUID(), leased_until: new Date(Date.now() - 1_000) });
    const [grant] = sandbox.state.grants.filter(({ open_id }) => open_id === someone.open_id);
    if (grant) grant.refresh_token = 'rft.that-nobody-holds';
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    await executeDeletion(ctx, id, signal);
    expect(await deletionOf(id)).to.include({ revocation: 'given_up', traces: 0 });
  });
});

describe('a deletion', () => {
  let ctx: Context;
  let sandbox: Sandbox;
  let own: OwnContext;
  before(async () => {
    sandbox = await startSandbox();
    own = await anOwnContext({ tiktok_url: sandbox.url });
    ctx = own.ctx;
  });
  after(async () => {
    await own?.[Symbol.asyncDispose]();
    await sandbox?.close();
  });
  const person = (username: string) => {
    const someone = createAccount(username, username);
    sandbox.state.accounts.push(someone);
    return aCreator(ctx, sandbox, someone);
  };

  it('ends although somebody else has the username by now, or uses it as a word', async () => {
    const old = await person('publish.send');
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    const other = await person('another.one');
    await ctx.db('creators').where({ id: other.id }).update({ username: 'publish.send' });
    await executeDeletion(ctx, id, signal);
    expect((await findDeletion(ctx.db, id))?.traces).to.equal(0);
  });

  it('has one true receipt, whichever of two runs was quicker', async () => {
    const old = await person('counted.once');
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    await Promise.all([executeDeletion(ctx, id, signal), executeDeletion(ctx, id, signal)]);
    const done = await findDeletion(ctx.db, id);
    expect(done).to.include({ traces: 0 });
    expect(done?.receipt).to.include({ files: 3, bytes: old.bytes });
    expect(done?.receipt.rows).to.include({ creators: 1, jobs: 3, media: 3 });
  });

  it('lets no post in that was asked for a moment before it began', async () => {
    const old = await person('one.more');
    const creator = await ctx.db('creators').where({ id: old.id }).first();
    const job = await ctx.db('jobs').where({ creator_id: old.id, state: 'finished' }).first('id');
    await ctx.db('jobs').where({ id: job.id }).update({ state: 'failed' });
    await requestDeletion(ctx, old.id, 'self_service');
    const post = {
      ...{ mode: 'now' as const, title: 'One more', destination: 'direct' as const },
      allow_duplicate: false,
      on_limit: 'fail' as const,
      video: { source: 'pm3k_storage' as const, storage_key: old.keys[0] as string },
    };
    const consent = { given_through: 'api' as const, declaration: 'Yes' };
    for (const ask of [
      () => ctx.db.transaction((trx) => acceptJob(ctx, trx, { creator, request: post, consent })),
      () => retryJob(ctx, creator, job.id),
    ]) {
      const refusal = await ask().catch((error) => error);
      expect(refusal).to.be.instanceOf(Problem).and.include({ code: 'not_found' });
    }
    expect(await ctx.db('jobs').where({ creator_id: old.id })).to.have.length(3);
    expect((await ctx.db('jobs').where({ id: job.id }).first()).state).to.equal('failed');
  });

  it('ends, and gives the grant up, when the key that sealed them is gone', async () => {
    const old = await person('key.gone');
    const { id } = await requestDeletion(ctx, old.id, 'self_service');
    await ctx.db('deletions').where({ id }).update({ sealed_identifiers: 'AAAA' });
    await ctx.db('grants').where({ creator_id: old.id }).update({ access_token: 'AAAA' });
    await executeDeletion(ctx, id, signal);
    const done = await findDeletion(ctx.db, id);
    expect(done).to.include({ traces: 0, revocation: 'given_up', sealed_identifiers: null });
    expect(await ctx.db('creators').where({ id: old.id })).to.have.length(0);
  });
});
