// Shows how a creator signs out, deletes everything, and reads the receipt.
import { expect } from 'chai';
import { connectAccount } from '../../scripts/connect.ts';
import type { Database } from '../../src/base/database.ts';
import { Client } from '../support/appliance.ts';
import { publicPage, receiptOf } from '../support/receipt.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

describe('leaving by oneself', () => {
  let app: SharedAppliance;
  let db: Database;
  before(async () => {
    app = await sharedAppliance();
    db = app.db;
  });

  const row = (id: string) => db('creators').where({ id }).first();
  const shownName = (text: string) => /<code id="own-name">([^<]+)</.exec(text)?.[1] ?? '';

  /** Makes a creator with a file, a finished post, and one that waits for tomorrow. */
  async function settled(username: string): Promise<{ client: Client; storage_key: string }> {
    const client = await app.creator(username);
    const { json } = await client.upload(await video());
    const { storage_key } = json as { storage_key: string };
    const now = await client.api('POST', '/v1/jobs', client.job(storage_key));
    await client.ended(now.json['id']);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const later = { mode: 'schedule', schedule_at: tomorrow, allow_duplicate: true };
    const planned = await client.api('POST', '/v1/jobs', client.job(storage_key, later));
    expect(planned.status, planned.text).to.equal(202);
    return { client, storage_key };
  }

  it('shows both ways out, with this creator’s numbers', async () => {
    const { client } = await settled('numbers');
    const { status, text } = await client.page('/sign-out');
    expect(status).to.equal(200);
    expect(text).to.contain('Your scheduled posts will still be posted.');
    expect(text)
      .to.match(/<strong>2 posts’ records<\/strong>/)
      .and.contain('1 scheduled · 1 posted');
    expect(text).to.contain('1 scheduled post is cancelled');
    expect(text)
      .to.match(/<strong>1 file<\/strong> \(\d+ kB\)/)
      .and.match(/<strong>1 API key</);
    expect(text).to.contain('stays on TikTok').and.contain('href="/export"');
    expect(text).to.contain('Billing records').and.contain('Tax and accounting law');
    expect(shownName(text)).to.equal('numbers');
  });

  it('signs out without touching anything when just that is asked', async () => {
    const client = await app.creator('just.out');
    const answer = await client.form('/sign-out', {});
    expect(answer.headers.get('set-cookie')).to.match(/pm3k_session=;.*Max-Age=0/i);
    expect((await client.page('/jobs')).status).to.equal(303);
    expect((await client.api('GET', '/v1/creators/me')).status).to.equal(200);
  });

  for (const wrong of ['', '@', 'somebody.else', 'ta', '2f0a3b1c-0000-0000-0000-000000000000']) {
    it(`changes nothing when “${wrong}” is typed for the name`, async () => {
      const client = await app.creator('typist');
      const answer = await client.form('/disconnect', { confirm: wrong });
      expect(answer.status).to.equal(422);
      expect(await answer.text()).to.contain('is not the name of this account');
      expect((await row(client.creatorId)).leaving_at).to.equal(null);
      expect((await client.page('/jobs')).status).to.equal(200);
    });
  }

  it('changes nothing when the form comes from another site, or nobody is signed in', async () => {
    const client = await app.creator('forged');
    const cross = { 'sec-fetch-site': 'cross-site' };
    const answer = await client.form('/disconnect', { confirm: 'forged' }, cross);
    expect(answer.status).to.equal(403);
    const nobody = await client.form('/disconnect', { confirm: 'forged' }, { cookie: '' });
    expect(nobody.headers.get('location')).to.equal('/');
    expect((await row(client.creatorId)).leaving_at).to.equal(null);
  });

  for (const [how, typed] of Object.entries({
    'the username': () => 'leaver',
    'the username as TikTok writes it': () => ' @LEAVER ',
    'the creator id': ({ creatorId }: Client) => creatorId,
  })) {
    it(`deletes everything when ${how} is typed, and proves it`, async () => {
      const { client, storage_key } = await settled('leaver');
      const answer = await client.form('/disconnect', { confirm: typed(client) });
      expect(answer.status).to.equal(303);
      expect(answer.headers.get('set-cookie')).to.match(/pm3k_session=;/);
      const path = answer.headers.get('location') as string;
      expect(path).to.match(/^\/deletions\/[A-Za-z0-9]{30,}$/);
      expect((await client.api('GET', '/v1/creators/me')).status).to.equal(401);

      const { text } = await receiptOf(app, path);
      expect(text).to.contain('Traces found afterwards: <strong>0</strong>');
      expect(text)
        .to.match(/<td>Posts<\/td><td>2<\/td>/)
        .and.match(/<td>API keys<\/td><td>1</);
      expect(text).to.match(/Files in storage<\/td><td>1 \(\d+ kB\)/);
      expect(text).to.contain('1 post that had not been sent was cancelled first.');
      expect(text).to.contain('TikTok has ended the permission:');
      expect(text).to.not.contain('hx-trigger');
      expect(await row(client.creatorId)).to.equal(undefined);
      expect((await publicPage(app, `/media/${storage_key}`)).status).to.equal(404);
      const { accounts, grants } = app.sandbox.state;
      const openId = accounts.find(({ username }) => username === 'leaver')?.open_id;
      expect(openId).to.be.a('string');
      expect(grants.filter(({ open_id }) => open_id === openId)).to.deep.equal([]);
    });
  }

  it('shows a receipt that is public, is not to be indexed or stored, and names nobody', async () => {
    const { client } = await settled('unnamed.person');
    const answer = await client.form('/disconnect', { confirm: 'unnamed.person' });
    const path = answer.headers.get('location') as string;
    const { headers } = await receiptOf(app, path);
    expect(headers.get('cache-control')).to.equal('no-store');
    expect(headers.get('x-robots-tag')).to.contain('noindex');
    // The receipt names nobody even when the person is signed in again in the same browser.
    const back = await app.creator('unnamed.person');
    const { status, text } = await back.page(path);
    expect(status).to.equal(200);
    expect(text).to.contain('Receipt of a deletion');
    for (const name of ['unnamed.person', client.creatorId, back.creatorId]) {
      expect(text).to.not.contain(name);
    }
  });

  it('knows no receipt under another address', async () => {
    for (const path of ['/deletions/x', `/deletions/${'A'.repeat(32)}`, '/deletions/%00']) {
      const { status, text } = await publicPage(app, path);
      expect(status, path).to.equal(404);
      expect(text).to.contain('no receipt at this address');
    }
    expect((await publicPage(app, '/deletions/x/progress')).status).to.equal(404);
  });

  it('lets who comes back begin anew: another id, and nothing of the old account', async () => {
    const { client } = await settled('comes.back');
    const answer = await client.form('/disconnect', { confirm: 'comes.back' });
    // This does not wait for the end, since the new account is another one already.
    const { cookie } = await connectAccount(app.url, 'comes.back');
    const back = new Client(app.url, { cookie, creator_id: '', key: '' });
    const { text } = await back.page('/sign-out');
    expect(text).to.contain('<strong>0 posts’ records</strong>').and.contain('<strong>0 files');
    await receiptOf(app, answer.headers.get('location') as string);
    const again = await app.creator('comes.back');
    expect(again.creatorId).to.not.equal(client.creatorId);
    const { json } = await again.upload(await video());
    const posted = await again.api('POST', '/v1/jobs', again.job(json['storage_key']));
    expect((await again.ended(posted.json['id']))['status']).to.equal('finished');
  });

  describe('is open to a creator whose', () => {
    const conditions: Record<string, (id: string) => Promise<unknown>> = {
      'account is suspended': (id) =>
        db('creators').where({ id }).update({ suspended_at: new Date() }),
      'plan has ended': (id) =>
        db('creators')
          .where({ id })
          .update({ plan_ends_at: new Date(Date.now() - 1000) }),
      'TikTok grant is dead': async (id) => {
        const [{ open_id }] = await db('creators')
          .where({ id })
          .update({ disconnected_at: new Date() })
          .returning('open_id');
        app.sandbox.state.grants = app.sandbox.state.grants.filter((g) => g.open_id !== open_id);
      },
    };
    Object.entries(conditions).forEach(([what, make], index) => {
      it(what, async () => {
        const username = `closed.${index}`;
        const { client } = await settled(username);
        await make(client.creatorId);
        // Export, sign-out and deletion work with the session from before …
        expect((await client.page('/sign-out')).status).to.equal(200);
        const zip = await client.page('/export');
        expect(zip.headers.get('content-type')).to.equal('application/zip');
        // … and after a new sign-in, which renews a dead grant but changes neither plan nor suspension.
        const { cookie } = await connectAccount(app.url, username);
        const again = new Client(app.url, { ...client, creator_id: client.creatorId, cookie });
        expect((await again.page('/export')).status).to.equal(200);
        const answer = await again.form('/disconnect', { confirm: username });
        expect(answer.status).to.equal(303);
        await receiptOf(app, answer.headers.get('location') as string);
        expect(await row(client.creatorId)).to.equal(undefined);
      });
    });

    for (const what of ['account is suspended', 'plan has ended']) {
      it(`${what}, by a key that may`, async () => {
        const username = `key.${what.slice(0, 4).trim()}`;
        const { client } = await settled(username);
        await client.form('/settings', { keys_may_export_and_erase: 'true' });
        await conditions[what]?.(client.creatorId);
        expect((await client.api('GET', '/v1/jobs')).status).to.equal(403);
        const headers = { authorization: `Bearer ${client.key}` };
        expect((await fetch(`${app.url}/v1/export`, { headers })).status).to.equal(200);
        const answer = await client.api('DELETE', '/v1/creators/me', { confirm: username });
        expect(answer.status).to.equal(202);
      });
    }

    it('TikTok grant is dead, and who leaves without signing in again', async () => {
      const { client } = await settled('closed.dead');
      await conditions['TikTok grant is dead']?.(client.creatorId);
      const answer = await client.form('/disconnect', { confirm: 'closed.dead' });
      const { text } = await receiptOf(app, answer.headers.get('location') as string);
      expect(text).to.contain('There was no permission left to end.');
    });
  });
});
