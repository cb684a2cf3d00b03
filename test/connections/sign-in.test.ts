// Shows who can connect with TikTok, and what a sign-in stores.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import pg from 'pg';
import { connectAccount } from '../../scripts/connect.ts';
import { anAppliance, ROOT } from '../support/appliance.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('connecting with TikTok', () => {
  let app: SharedAppliance;
  let database: pg.Client;
  before(async () => {
    app = await sharedAppliance();
    database = new pg.Client(app.database_url);
    await database.connect();
  });
  after(async () => {
    await database.end();
  });

  async function begin() {
    const begun = await fetch(`${app.url}/auth/tiktok`, { redirect: 'manual' });
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
    return { state, cookie: begun.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
  }
  const callback = (query: Record<string, string>, cookie: string) =>
    fetch(`${app.url}/auth/tiktok/callback?${new URLSearchParams(query)}`, {
      headers: { cookie },
      redirect: 'manual',
    });

  it('is bound to the browser that began it, and happens once', async () => {
    const { state, cookie } = await begin();
    expect((await callback({ state, code: 'x' }, 'pm3k_oauth=another')).status).to.equal(403);
    expect((await callback({ state, code: 'x' }, cookie)).status, 'the state is used up').to.equal(
      403,
    );
    expect((await callback({ state: 'made-up', code: 'x' }, cookie)).status).to.equal(403);
  });

  it('says what happened when the person did not allow it', async () => {
    const { state, cookie } = await begin();
    const answer = await callback({ state, error: 'access_denied' }, cookie);
    expect(answer.status).to.equal(403);
    expect(await answer.text()).to.contain('did not allow');
  });

  it('stores tokens sealed, and of session and key a hash alone', async () => {
    const creator = await app.creator('sealed');
    const { rows } = await database.query(
      'select g.*, s.id_hash, k.key_hash from grants g join sessions s using (creator_id) join api_keys k using (creator_id) where creator_id = $1',
      [creator.creatorId],
    );
    const stored = JSON.stringify(rows);
    const { accounts, grants } = app.sandbox.state;
    const openId = accounts.find(({ username }) => username === 'sealed')?.open_id;
    const grant = grants.find(({ open_id }) => open_id === openId);
    expect(grant).to.include.keys('access_token', 'refresh_token');
    expect(stored)
      .not.to.contain(grant?.access_token ?? 'none')
      .and.not.to.contain(grant?.refresh_token ?? 'none');
    expect(stored)
      .not.to.contain(creator.cookie.split('=')[1] ?? 'none')
      .and.not.to.contain(creator.key);
    expect(rows[0].access_token).to.match(/^v1\./);
  });

  it('works with a part of the scopes, and says what is missing when it is needed', async () => {
    const { cookie } = await connectAccount(app.url, 'quiet', ['user.info.basic', 'video.upload']);
    const page = await fetch(`${app.url}/jobs`, { headers: { cookie } });
    expect(page.status).to.equal(200);
    expect(await page.text()).to.contain('Quiet (private)');
  });

  it('gives the same account to the same person, and signs out', async () => {
    const first = await app.creator('signs.in.again');
    const second = await app.creator('signs.in.again');
    expect(second.creatorId).to.equal(first.creatorId);
    await second.form('/sign-out', {});
    expect((await second.page('/jobs')).status).to.equal(303);
    expect((await first.page('/jobs')).status).to.equal(200);
  });

  it('refreshes a token once, however many need it at the same time', async () => {
    const creator = await app.creator('signs.refreshing');
    await database.query(
      `update grants set access_expires_at = now() + interval '1 second', refreshed_at = now() - interval '2 hours' where creator_id = $1`,
      [creator.creatorId],
    );
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(() => creator.api('GET', '/v1/creators/me/posting_options')),
    );
    expect(answers.map(({ json }) => json['can_post'])).to.deep.equal([
      true,
      true,
      true,
      true,
      true,
    ]);
    const { rows } = await database.query('select version from grants where creator_id = $1', [
      creator.creatorId,
    ]);
    expect(rows[0].version).to.equal(2);
    const { accounts, findings } = app.sandbox.state;
    const openId = accounts.find(({ username }) => username === 'signs.refreshing')?.open_id;
    const reused = findings.filter(({ rule }) => rule === 'refresh_token_reused');
    expect(reused.filter(({ detail }) => detail.includes(openId as string))).to.deep.equal([]);
  });

  it('tells that the connection is gone, and lets its posts wait', async () => {
    const creator = await app.creator('signs.away');
    const upload = await creator.upload(await video());
    const openId = app.sandbox.state.accounts.find(
      (each) => each.username === 'signs.away',
    )?.open_id;
    app.sandbox.state.grants = app.sandbox.state.grants.filter((each) => each.open_id !== openId);
    const { json } = await creator.api('POST', '/v1/jobs', creator.job(upload.json['storage_key']));
    const held = await waitUntil(async () => {
      const { json: job } = await creator.api('GET', `/v1/jobs/${json['id']}`);
      return job['waiting'] ? job : undefined;
    });
    expect(held['waiting']['code']).to.equal('creator_disconnected');
    expect(held).to.include({ status: 'scheduled', error: null });
    const next = await creator.api('POST', '/v1/jobs', creator.job(upload.json['storage_key']));
    expect(next.json['code']).to.equal('creator_disconnected');
    expect((await creator.page('/jobs')).text).to.contain('Connect with TikTok');
    await app.creator('signs.away');
    const again = await app.creator('signs.away');
    const accepted = await again.api('POST', '/v1/jobs', again.job(upload.json['storage_key']));
    expect((await again.ended(accepted.json['id']))['status']).to.equal('finished');
  });

  it('needs an invitation where sign-up is by invitation, and takes one once', async () => {
    await using closed = await anAppliance({ SIGN_UP: 'invite' });
    const refused = await connectAccount(closed.url, 'sample').catch((error) => String(error));
    expect(refused).to.contain('403');
    expect(closed.sandbox.state.revocations, 'no permission stays with us').to.have.length(1);
    const env = {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: closed.database_url,
      APP_SECRET: Buffer.alloc(32, 7).toString('base64'),
      TIKTOK_CLIENT_KEY: 'a',
      TIKTOK_CLIENT_SECRET: 'b',
      PUBLIC_URL: closed.url,
    };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(ROOT, 'scripts/invite.ts')],
      { env },
    );
    const link = stdout.trim();
    const page = await (await fetch(link)).text();
    expect(page).to.contain('/auth/tiktok?invitation=');
    const token = link.split('/').at(-1);
    const begun = await fetch(`${closed.url}/auth/tiktok?invitation=${token}`, {
      redirect: 'manual',
    });
    const consent = new URL(begun.headers.get('location') ?? '');
    const body = new URLSearchParams([
      ['query', consent.search.slice(1)],
      ['account', 'sample'],
      ['decision', 'allow'],
      ['scope', 'video.publish'],
    ]);
    const decided = await fetch(new URL('/v2/auth/authorize/', consent), {
      method: 'POST',
      body,
      redirect: 'manual',
    });
    const cookie = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const done = await fetch(decided.headers.get('location') ?? '', {
      headers: { cookie },
      redirect: 'manual',
    });
    expect(done.status).to.equal(303);
    expect((await fetch(link)).status).to.equal(403);
    // A creator who is connected already needs no invitation to sign in again.
    await connectAccount(closed.url, 'sample');
  });
});
