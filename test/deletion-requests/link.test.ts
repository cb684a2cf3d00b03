// Shows what the one-time link proves, for whom, for how long, and what becomes of its token.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { removeAuthorization } from '../../src/connections/removal.ts';
import { findGrant } from '../../src/creators/grants.ts';
import { markLeaving } from '../../src/creators/leaving.ts';
import { openTokens } from '../../src/creators/sealed-tokens.ts';
import type { Seeded } from '../support/a-creator.ts';
import type { Appliance } from '../support/appliance.ts';
import type { OperatorClient } from '../support/operator.ts';
import { receiptOf } from '../support/receipt.ts';
import { aRequestSite, CANARY, type RequestSite } from '../support/request-site.ts';
import { Visitor } from '../support/visitor.ts';

describe('the one-time link of a deletion request', () => {
  let site: RequestSite;
  let app: Appliance;
  let ada: OperatorClient;
  let ctx: RequestSite['ctx'];
  before(async () => {
    site = await aRequestSite();
    ({ app, ada, ctx } = site);
  });
  after(() => site?.[Symbol.asyncDispose]());

  it('deletes after both clicks of the right person, and the request loses its words', async () => {
    const who = await site.person('leaver');
    const path = await site.ask(who, 'sign_in');
    const { link = '', reply, state } = await site.look(path);
    expect(state).to.equal('identity_asked');
    expect(reply).to.contain(link);
    const visitor = new Visitor(app.url);
    const { page, scopes } = await visitor.signInBy(link, 'leaver');
    expect(scopes).to.equal('user.info.basic');
    expect(page.text).to.contain('Delete everything about').and.to.contain('@leaver');
    expect((await site.look(path)).state, 'not before the second click').to.equal('identity_asked');
    expect((await ada.form(`${path}/execution`)).status).to.equal(409);
    const thanks = await visitor.get((await visitor.post(link)).location);
    expect(thanks.text).to.contain('Thank you');
    expect((await site.look(path)).state).to.equal('verified');
    expect(await site.exists(who), 'an operator executes').to.equal(true);
    expect((await ada.form(`${path}/execution`)).status).to.equal(303);
    const done = await site.waitFor(path, 'done');
    expect(done.reply).to.contain(`${app.url}/deletions/`);
    const receipt = /http\S+\/deletions\/\w+/.exec(done.reply)?.[0] ?? '';
    expect((await receiptOf(app, receipt)).text).to.contain('Receipt of a deletion');
    expect(await site.exists(who)).to.equal(false);
    expect(app.sandbox.state.revocations.map(({ open_id }) => open_id)).to.contain(who.open_id);
    const [row] = await site.sql('select * from deletion_requests where id = $1', [
      path.split('/').at(-1),
    ]);
    const gone = ['username', 'profile_url', 'usage', 'details', 'creator_id', 'bio_code'];
    for (const name of [...gone, 'proof_description', 'proof_token', 'proof_token_hash']) {
      expect(row[name], name).to.equal(null);
    }
    expect(row).to.include({ state: 'done', method: 'sign_in', proof_match: true });
    expect(done.text).not.to.contain(CANARY).and.not.to.contain('leaver');
  });

  it('makes no session, no account, and asks TikTok to forget a stranger at once', async () => {
    const who = await site.person('meant');
    app.sandbox.state.accounts.push(createAccount('stranger', 'Stranger'));
    const stranger = app.sandbox.state.accounts.at(-1)?.open_id;
    const path = await site.ask(who, 'sign_in');
    const { link = '' } = await site.look(path);
    const visitor = new Visitor(app.url);
    const { page } = await visitor.signInBy(link, 'stranger');
    expect(page.text).to.contain('does not confirm request');
    expect(page.text).not.to.contain('meant').and.not.to.contain('stranger');
    expect([...visitor.cookies.keys()]).to.deep.equal(['pm3k_proof']);
    expect(await site.sql('select 1 from creators where open_id = $1', [stranger])).to.deep.equal(
      [],
    );
    expect(app.sandbox.state.revocations.map(({ open_id }) => open_id)).to.contain(stranger);
  });

  it('deletes nothing for the wrong person, whatever they and the operator press', async () => {
    const who = await site.person('victim');
    await site.person('attacker');
    const path = await site.ask(who, 'sign_in');
    const { link = '' } = await site.look(path);
    const visitor = new Visitor(app.url);
    await visitor.signInBy(link, 'attacker');
    expect((await visitor.post(link)).status).to.equal(404);
    expect((await ada.form(`${path}/verification`, { note: 'looks fine' })).status).to.equal(409);
    expect((await ada.form(`${path}/execution`)).status).to.equal(409);
    expect((await site.look(path)).state).to.equal('identity_asked');
    expect((await site.look(path)).text).to.contain('Another account signed in');
    expect(await site.exists(who)).to.equal(true);
  });

  it('does nothing in another browser than the one that signed in: a forwarded link erases nobody', async () => {
    const who = await site.person('tricked');
    const path = await site.ask(who, 'sign_in');
    const { link = '' } = await site.look(path);
    const [owner, sender] = [new Visitor(app.url), new Visitor(app.url)];
    await owner.signInBy(link, 'tricked');
    expect((await sender.get(link)).status).to.equal(404);
    expect((await sender.post(link)).status).to.equal(404);
    expect((await site.look(path)).state).to.equal('identity_asked');
    expect(await site.exists(who)).to.equal(true);
  });

  it('works once, for 72 hours, and not after a newer one', async () => {
    const who = await site.person('links');
    const path = await site.ask(who, 'sign_in');
    const { link: first = '' } = await site.look(path);
    const [row] = await site.sql(
      `select proof_expires_at - now() as left from deletion_requests where id = $1`,
      [path.split('/').at(-1)],
    );
    expect(row.left.days * 24 + row.left.hours).to.be.within(71, 72);
    // The visitor begins with the old link and finishes after the new one was made.
    const slow = new Visitor(app.url);
    const begin = /href="(\/auth[^"]+)"/.exec((await slow.get(first)).text)?.[1] ?? '';
    const consent = new URL((await slow.get(begin)).location);
    await ada.form(`${path}/proof`, { method: 'sign_in' });
    const { link = '' } = await site.look(path);
    expect(link).not.to.equal(first);
    const decided = await fetch(new URL('/v2/auth/authorize/', consent), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({
        ...{ query: consent.search.slice(1), account: 'links', decision: 'allow' },
      }),
    });
    expect((await slow.get(decided.headers.get('location') ?? '')).status).to.equal(404);
    expect((await slow.get(first)).status).to.equal(404);
    const denied = await new Visitor(app.url).signInBy(link, 'links', 'deny');
    expect(denied.callback.status, 'the link lives on').to.equal(403);
    await new Visitor(app.url).signInBy(link, 'links');
    expect((await new Visitor(app.url).get(link)).status).to.equal(404);
    await ada.form(`${path}/proof`, { method: 'sign_in' });
    const { link: last = '' } = await site.look(path);
    await site.sql(`update deletion_requests set proof_expires_at = now() where id = $1`, [
      path.split('/').at(-1),
    ]);
    const late = await new Visitor(app.url).get(last);
    const unknown = await new Visitor(app.url).get('/prove/madeup');
    expect(late.status).to.equal(404);
    const plain = (text: string) => text.replaceAll(/<code>[^<]+<\/code>/g, '');
    expect(plain(late.text)).to.equal(plain(unknown.text));
  });

  it('leaves the connection usable and revocable, whatever TikTok does to the stored token', async () => {
    const who = await site.person('connected');
    const path = await site.ask(who, 'sign_in');
    const visitor = new Visitor(app.url);
    await visitor.signInBy((await site.look(path)).link ?? '', 'connected');
    const live = app.sandbox.state.grants.find(({ open_id }) => open_id === who.open_id);
    const stored = await findGrant(ctx.db, who.id);
    expect(stored && openTokens(ctx, stored).access_token).to.equal(live?.access_token);
    expect(site.listRevoked()).not.to.contain(who.open_id);
  });

  it('keeps no token of who signed in with another account, and ends no connection of theirs', async () => {
    const other = await site.person('signs.instead');
    const before = await findGrant(ctx.db, other.id);
    const path = await site.ask(await site.person('meant.instead'), 'sign_in');
    const { link = '' } = await site.look(path);
    const { page } = await new Visitor(app.url).signInBy(link, 'signs.instead');
    expect(page.text).to.contain('nothing was connected');
    expect(await findGrant(ctx.db, other.id)).to.deep.equal(before);
    expect(site.listRevoked()).not.to.contain(other.open_id);
  });

  it('connects nobody anew from whom TikTok had removed the permission, match or no match', async () => {
    const removed = [await site.person('removed.one'), await site.person('removed.two')];
    for (const { open_id } of removed) {
      await removeAuthorization(ctx, open_id, { reason: 1, at: new Date(Date.now() + 1_000) });
    }
    const path = await site.ask(removed[0] as Seeded, 'sign_in');
    for (const [name, words] of [
      ['removed.two', 'nothing was connected'],
      ['removed.one', 'Delete everything about'],
    ] as const) {
      await ada.form(`${path}/proof`, { method: 'sign_in' });
      const { link = '' } = await site.look(path);
      const { page } = await new Visitor(app.url).signInBy(link, name);
      expect(page.text).to.contain(words);
    }
    for (const { id, open_id } of removed) {
      expect(await findGrant(ctx.db, id)).to.equal(undefined);
      expect(site.listRevoked()).to.contain(open_id);
    }
  });

  it('stores no token for whoever began to leave during the sign-in, but gives it back', async () => {
    const who = await site.person('leaves.meanwhile');
    const before = await findGrant(ctx.db, who.id);
    const { link = '' } = await site.look(await site.ask(who, 'sign_in'));
    const signingIn = await ctx.db.transaction(async (trx) => {
      await markLeaving(trx, who.id);
      const visit = new Visitor(app.url).signInBy(link, 'leaves.meanwhile');
      await Promise.race([visit, waitsForLock()]);
      return { visit };
    });
    await signingIn.visit;
    expect(await findGrant(ctx.db, who.id)).to.deep.equal(before);
    expect(site.listRevoked()).to.contain(who.open_id);
  });

  async function waitsForLock(): Promise<void> {
    const waiting = `select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%creators%'`;
    while ((await site.sql(waiting)).length === 0) await sleep(20);
  }
});
