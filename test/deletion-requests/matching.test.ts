// Shows which accounts are found for a request, and that an operator chooses among them.
import { expect } from 'chai';
import type { Env } from '../support/appliance.ts';
import type { OperatorClient } from '../support/operator.ts';
import { aRequestSite, CANARY, type RequestSite } from '../support/request-site.ts';

describe('the account of a deletion request', () => {
  let site: RequestSite;
  let ada: OperatorClient;
  let bob: OperatorClient;
  before(async () => {
    site = await aRequestSite();
    ({ ada, bob } = site);
  });
  after(() => site?.[Symbol.asyncDispose]());

  describe('finds the account', () => {
    it('by username, link, ids and times, and chooses none itself', async () => {
      const who = await site.person('Found.Me');
      const [job] = await site.sql(
        `update jobs set post_ids = '{7412345678901234567}', send_at = '2025-03-04 05:06:07Z'
          where creator_id = $1 and state = 'finished' returning id`,
        [who.id],
      );
      await site.sql(
        `update publish_attempts set publish_id = 'v_pub_file~v2-1.74123' where job_id in
        (select id from jobs where creator_id = $1)`,
        [who.id],
      );
      for (const fields of [
        { username: '@found.me' },
        { username: 'FOUND.ME' },
        { profile_url: 'https://www.tiktok.com/@found.me?lang=de' },
        { details: `my account is ${who.id}` },
        { details: `open id ${who.open_id}, thanks` },
        { details: `job ${String(job.id).toUpperCase()} failed` },
        { details: 'publish_id: v_pub_file~v2-1.74123' },
        { details: 'see https://www.tiktok.com/@renamed.since/video/7412345678901234567' },
        { details: 'I posted on 2025-03-04 06:10 +01:00, I think' },
      ] as Env[]) {
        const path = await site.enter(fields);
        const found = await site.look(path);
        expect(found.accounts, JSON.stringify(fields)).to.deep.equal([who.id]);
        expect(found.text).to.contain('Nick of Found.Me').and.to.contain('3 posts');
        const [row] = await site.sql('select creator_id from deletion_requests where id = $1', [
          path.split('/').at(-1),
        ]);
        expect(row.creator_id, 'nothing is chosen').to.equal(null);
      }
    });

    it('with a warning for those that look alike, so that the right one is chosen by hand', async () => {
      const real = await site.person('maria_lopez');
      const twins = [];
      for (const name of ['maria.lopez', 'maria_1opez', 'marla_lopez', 'maria_lopezz']) {
        twins.push(await site.person(name));
      }
      const other = await site.person('mario_gonzales');
      const found = await site.look(await site.enter({ username: 'maria_lopez' }));
      expect(found.accounts[0]).to.equal(real.id);
      expect([...found.accounts].sort()).to.deep.equal([real, ...twins].map(({ id }) => id).sort());
      expect(found.accounts).not.to.contain(other.id);
      expect(found.text).to.contain('Looks like “maria_lopez” from the email, but is not the same');
      expect(found.text).to.contain('Easily confused with @maria_1opez, which is another account');
      // With a Cyrillic а the name looks the same.
      const cyrillic = await site.look(await site.enter({ username: 'mаria_lopez' }));
      expect(cyrillic.accounts).to.contain(real.id);
      expect(cyrillic.text).to.contain('is not the same name');
    });

    it('or says that there is none, and refuses in words that tell nobody so', async () => {
      const path = await site.enter({ username: 'never.was.here', details: CANARY });
      expect((await site.look(path)).text).to.contain('No account fits');
      await ada.form(`${path}/refusal`, { reason: 'No account' });
      const none = await site.look(path);
      expect(none.state).to.equal('refused');
      const way = [...none.text.matchAll(/<li class="reached"[^>]*><span>([^<]+)/g)];
      expect(way.map(([, step]) => step)).to.deep.equal(['Received', 'Refused']);
      const who = await site.person('was.here');
      const unproved = await site.ask(who, 'bio');
      await ada.form(`${unproved}/refusal`, { reason: 'Ownership was not shown' });
      const plain = (reply: string) => reply.replaceAll(/request \d+/g, 'request');
      expect(plain((await site.look(unproved)).reply)).to.equal(plain(none.reply));
    });
  });

  it('keeps the first act, and shows the second how it is now', async () => {
    const [one, two] = [await site.person('first.choice'), await site.person('second.choice')];
    const path = await site.enter({ username: 'first.choice' });
    const { version = '' } = await site.look(path);
    const first = await ada.form(`${path}/creator`, { creator_id: one.id, version });
    const second = await bob.form(`${path}/creator`, { creator_id: two.id, version });
    expect([first.status, second.status]).to.deep.equal([303, 409]);
    expect(second.text).to.contain('state_conflict').and.to.contain('Nothing of yours was saved');
    expect(second.text).to.contain('data-state="received"');
    const refusal = await bob.form(`${path}/refusal`, { reason: 'No account', version });
    expect(refusal.status).to.equal(409);
    const [row] = await site.sql('select creator_id, state from deletion_requests where id = $1', [
      path.split('/').at(-1),
    ]);
    expect(row).to.deep.equal({ creator_id: one.id, state: 'received' });
  });
});
