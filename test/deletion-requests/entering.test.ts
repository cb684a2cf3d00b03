// Shows how operators enter requests that came by email, and how the list orders them.
import { expect } from 'chai';
import type { Appliance, Env } from '../support/appliance.ts';
import type { OperatorClient } from '../support/operator.ts';
import { aRequestSite, type RequestSite } from '../support/request-site.ts';

describe('a deletion request that is entered', () => {
  let site: RequestSite;
  let app: Appliance;
  let ada: OperatorClient;
  before(async () => {
    site = await aRequestSite();
    ({ app, ada } = site);
  });
  after(() => site?.[Symbol.asyncDispose]());

  it('is closed to whoever is not signed in as an operator', async () => {
    const creator = await app.creator();
    for (const headers of [{ cookie: '' }, { cookie: creator.cookie }]) {
      expect((await ada.page('/admin/deletions', headers)).status).to.equal(303);
      const answer = await ada.form('/admin/deletions', { username: 'x' }, headers);
      expect(answer.headers.get('location')).to.equal('/admin/sign-in');
    }
    const forged = await ada.form(
      '/admin/deletions',
      { username: 'x' },
      { 'sec-fetch-site': 'cross-site' },
    );
    expect(forged.status).to.equal(403);
  });

  it('takes a request as the email says it, and refuses one that says nothing or comes from the future', async () => {
    const ahead = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
    const before = await site.sql('select count(*)::int as count from deletion_requests');
    for (const [fields, words] of [
      [{ username: '  ', usage: 'posting' }, 'Enter at least one'],
      [{ username: 'kept.typing', received_at: ahead }, 'cannot be in the future'],
      [{ username: 'x', received_at: 'yesterday' }, 'cannot be in the future'],
      [{ username: 'x'.repeat(101) }, 'below 100'],
    ] as [Env, string][]) {
      const answer = await ada.form('/admin/deletions', fields);
      expect(answer.status).to.equal(400);
      expect(answer.text).to.contain(words);
      if (fields['received_at'] === ahead) expect(answer.text).to.contain('kept.typing');
    }
    expect(await site.sql('select count(*)::int as count from deletion_requests')).to.deep.equal(
      before,
    );
    const path = await site.enter({ username: '@someone\0', details: '<b>bold</b>' });
    const { state, text } = await site.look(path);
    expect(state).to.equal('received');
    expect(text).to.contain('@someone').and.to.contain('&lt;b&gt;bold');
    expect((await ada.page('/admin/deletions/none')).status).to.equal(404);
    expect((await ada.form(`${path.slice(0, -4)}0000/refusal`, { reason: 'x' })).status).to.equal(
      404,
    );
  });

  it('shows those with the fewest days left first, overdue in red, and counts them in /metrics', async () => {
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await site.enter({ username: 'calm.one', received_at: ago(2.5) });
    await site.enter({ username: 'late.one', received_at: ago(31.5) });
    await site.enter({ username: 'soon.one', received_at: ago(24.5) });
    const { text } = await ada.page('/admin/deletions');
    const at = ['late.one', 'soon.one', 'calm.one'].map((name) => text.indexOf(name));
    expect(at).to.deep.equal([...at].sort((a, b) => a - b));
    const row = (name: string) => text.slice(text.indexOf(name)).split('</tr>')[0] as string;
    expect(row('late.one')).to.contain('days red').and.to.contain('1 day overdue');
    expect(row('soon.one')).to.contain('days amber').and.to.contain('6 days left');
    expect(row('calm.one')).to.contain('days calm').and.to.contain('28 days left');
    const [{ open }] = await site.sql(
      `select count(*)::int as open from deletion_requests where state not in ('done', 'refused')`,
    );
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).to.contain(`pm3k_deletion_requests{state="open"} ${open}`);
    expect(metrics).to.contain('pm3k_deletion_requests{state="overdue"} 1');
  });
});
