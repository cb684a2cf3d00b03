// Shows what proves ownership by sight, and that no reply tells whether an account exists.
import { expect } from 'chai';
import type { Seeded } from '../support/a-creator.ts';
import type { Appliance } from '../support/appliance.ts';
import type { OperatorClient } from '../support/operator.ts';
import { aRequestSite, CANARY, type RequestSite } from '../support/request-site.ts';
import { Visitor } from '../support/visitor.ts';

describe('a proof of ownership', () => {
  let site: RequestSite;
  let app: Appliance;
  let ada: OperatorClient;
  let bob: OperatorClient;
  before(async () => {
    site = await aRequestSite();
    ({ app, ada, bob } = site);
  });
  after(() => site?.[Symbol.asyncDispose]());

  it('tells before a proof in no reply whether there is an account', async () => {
    const who = await site.person('reply.me');
    const without = await site.enter({ username: 'reply.nobody' });
    const path = await site.enter({ username: 'reply.me' });
    await ada.form(`${path}/creator`, { creator_id: who.id });
    const plain = (reply: string) => reply.replaceAll(/number is \d+/g, '');
    expect(plain((await site.look(path)).reply)).to.equal(plain((await site.look(without)).reply));
    for (const method of ['sign_in', 'bio', 'other']) {
      await ada.form(`${path}/proof`, { method, description: 'Add a dot to the bio' });
      const { reply } = await site.look(path);
      expect(reply)
        .to.contain('please show us')
        .and.not.to.match(/reply\.me|Nick of/);
    }
  });

  it('asks for a proof without an account in the very same words, so that a stranger learns nothing', async () => {
    const who = await site.person('named.victim');
    await site.person('curious');
    const victim = await site.enter({ username: 'named.victim' });
    const nobody = await site.enter({ username: 'named.nobody' });
    await ada.form(`${victim}/creator`, { creator_id: who.id });
    expect((await site.look(nobody)).text).to.contain('tells nobody whether there is an account');
    const plain = (text: string) =>
      text.replaceAll(/request \d+|\/prove\/[\w-]+|\?proof=[\w-]+|\b[A-Z2-9]{8}\b/g, '…');
    const askBoth = async (method: string) => {
      const found = [];
      for (const path of [victim, nobody]) {
        const more = { method, description: 'Add a dot to the bio' };
        expect((await ada.form(`${path}/proof`, more)).status).to.equal(303);
        found.push(await site.look(path));
      }
      expect(plain(found[0]?.reply ?? '')).to.equal(plain(found[1]?.reply ?? 'none'));
      expect(found.map(({ state }) => state)).to.deep.equal(['identity_asked', 'identity_asked']);
      return found.map(({ link = '' }) => link);
    };
    const pages = [];
    for (const link of await askBoth('sign_in')) {
      const visitor = new Visitor(app.url);
      const begun = await visitor.get(link);
      const { page } = await visitor.signInBy(link, 'curious');
      const { status } = await visitor.post(link);
      pages.push(plain(`${begun.text} ${page.text} ${status}`));
    }
    expect(pages[0]).to.equal(pages[1]).and.to.contain('404');
    expect((await site.look(nobody)).text)
      .to.contain('so none could match')
      .and.not.to.contain('null');
    for (const method of ['bio', 'other']) {
      await askBoth(method);
      expect((await site.look(nobody)).text)
        .not.to.contain('null')
        .and.not.to.contain('Confirm the');
      const seen = await ada.form(`${nobody}/verification`, { note: 'I saw it' });
      expect(seen.status).to.equal(409);
      expect(seen.text).to.contain('No account is chosen');
    }
    for (const path of [victim, nobody]) {
      await ada.form(`${path}/refusal`, { reason: 'Ownership was not shown' });
    }
    expect(plain((await site.look(victim)).reply)).to.equal(plain((await site.look(nobody)).reply));
    expect(await site.exists(who)).to.equal(true);
  });

  describe('by what is seen at the account', () => {
    const fresh = (who: Seeded, days: number) =>
      site.sql(
        `update creators set name_confirmed_at = now() - $2 * interval '1 day' where id = $1`,
        [who.id, days],
      );

    it('takes a code in the bio from TikTok itself, where the account allowed that', async () => {
      const who = await site.person('bio.api');
      const grant = app.sandbox.state.grants.find(({ open_id }) => open_id === who.open_id);
      grant?.scopes.push('user.info.profile');
      await site.sql(
        `update grants set scopes = scopes || '{user.info.profile}' where creator_id = $1`,
        [who.id],
      );
      const path = await site.ask(who, 'bio');
      const { code = '', reply } = await site.look(path);
      expect(code).to.match(/^[A-Z2-9]{8}$/);
      expect(reply).to.contain(code);
      const missing = await ada.form(`${path}/verification`, { note: 'I saw it, really' });
      expect(missing.status).to.equal(409);
      expect(missing.text).to.contain('the code is not in it');
      const bio = app.sandbox.state.accounts.find(({ username }) => username === 'bio.api');
      if (bio) bio.bio = `my videos · ${code.toLowerCase()}`;
      expect((await ada.form(`${path}/verification`)).status).to.equal(303);
      expect((await site.look(path)).state).to.equal('verified');
      expect((await ada.form(`${path}/execution`)).status, 'no name proof, no wait').to.equal(303);
    });

    it('needs what was seen in words, and is enough where TikTok confirmed the name within 7 days', async () => {
      const who = await site.person('bio.eye');
      await fresh(who, 6.9);
      const path = await site.ask(who, 'bio');
      expect((await ada.form(`${path}/verification`, { note: '  ' })).status).to.equal(400);
      expect((await site.look(path)).state).to.equal('identity_asked');
      await ada.form(`${path}/verification`, { note: `${CANARY} in the bio at 14:02` });
      expect((await site.look(path)).text).to.contain('in the bio at 14:02');
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      const { text } = await site.waitFor(path, 'done');
      expect(text, 'notes go with the data').not.to.contain(CANARY);
      const notes = await site.sql(
        'select 1 from deletion_request_events where request_id = $1 and note is not null',
        [path.split('/').at(-1)],
      );
      expect(notes).to.deep.equal([]);
    });

    it('waits 7 days or for another operator where the name may have changed hands, and says so to the account', async () => {
      const creator = await app.creator('old.name');
      const who = { id: creator.creatorId } as Seeded;
      await fresh(who, 7.1);
      const other = await ada.form(`${await site.enter({ username: 'old.name' })}/proof`, {
        method: 'other',
      });
      expect(other.status, 'described, and of a chosen account').to.equal(400);
      const path = await site.ask(who, 'other', { description: 'Add a sun to the display name' });
      await ada.form(`${path}/verification`, { note: 'the sun is there' });
      const waiting = await site.look(path);
      expect(waiting.state).to.equal('verified');
      expect(waiting.reply).to.contain('change hands');
      const early = await ada.form(`${path}/execution`);
      expect(early.status).to.equal(409);
      expect(early.text).to.contain('names change hands');
      const again = await ada.form(`${path}/verification`, { note: 'still there' });
      expect(again.text).to.contain('must come from another operator');
      const [number] = /request (\d+)/.exec(waiting.reply)?.slice(1) ?? [];
      const dashboard = await creator.page('/jobs');
      expect(dashboard.text).to.contain('data-notice').and.to.contain(`name request ${number}`);
      expect((await bob.form(`${path}/verification`, { note: '' })).status).to.equal(400);
      await bob.form(`${path}/verification`, { note: 'seen by me, too' });
      expect((await creator.page('/jobs')).text).not.to.contain('data-notice');
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      await site.waitFor(path, 'done');
    });

    it('may go on alone when the 7 days are over', async () => {
      const who = await site.person('waited');
      const path = await site.ask(who, 'other', { description: 'Follow our account' });
      await ada.form(`${path}/verification`, { note: 'follows' });
      const [{ wait }] = await site.sql(
        `select execute_after - now() as wait from deletion_requests where id = $1`,
        [path.split('/').at(-1)],
      );
      expect(wait.days * 24 + (wait.hours ?? 0)).to.be.within(167, 168);
      await site.sql(
        `update deletion_requests set execute_after = now() - interval '2 seconds' where id = $1`,
        [path.split('/').at(-1)],
      );
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      await site.waitFor(path, 'done');
    });

    it('confirms the name whenever TikTok tells it', async () => {
      const creator = await app.creator('confirmed.name');
      const at = async () =>
        (
          await site.sql('select name_confirmed_at as at from creators where id = $1', [
            creator.creatorId,
          ])
        )[0].at as Date | null;
      expect(Date.now() - Number(await at())).to.be.lessThan(60_000);
      await fresh({ id: creator.creatorId } as Seeded, 30);
      await creator.api('GET', '/v1/creators/me/posting_options');
      expect(Date.now() - Number(await at())).to.be.lessThan(60_000);
    });
  });

  it('voids what was proved when another account is chosen', async () => {
    const [one, two] = [await site.person('proved.one'), await site.person('other.one')];
    await site.sql('update creators set name_confirmed_at = now() where id = $1', [one.id]);
    const path = await site.ask(one, 'bio');
    await ada.form(`${path}/verification`, { note: 'seen' });
    expect((await site.look(path)).state).to.equal('verified');
    expect((await ada.form(`${path}/creator`, { creator_id: 'nobody' })).status).to.equal(400);
    expect((await site.look(path)).state).to.equal('verified');
    await ada.form(`${path}/creator`, { creator_id: two.id });
    const now = await site.look(path);
    expect(now.state).to.equal('received');
    expect(now.text).to.contain('is void');
    expect((await ada.form(`${path}/execution`)).status).to.equal(409);
    expect([await site.exists(one), await site.exists(two)]).to.deep.equal([true, true]);
  });
});
