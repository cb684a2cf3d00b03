// Shows what the overview counts, and what operators do with creators’ accounts.
import { expect } from 'chai';
import pg from 'pg';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { ADMIN, type OperatorClient, signedInOperator } from '../support/operator.ts';
import { video } from '../support/videos.ts';

describe('the admin pages', () => {
  let app: Appliance;
  let operator: OperatorClient;
  let creator: Client;
  before(async () => {
    app = await anAppliance(ADMIN);
    operator = await signedInOperator(app.url);
    creator = await app.creator('winter.shop');
  });
  after(() => app[Symbol.asyncDispose]());

  const sql = async (text: string, values: unknown[] = []) => {
    const client = new pg.Client(app.database_url);
    await client.connect();
    const { rows } = await client.query(text, values).finally(() => client.end());
    return rows;
  };
  const words = (text: string) =>
    text
      .replace(/^[\s\S]*<main/, '<main')
      .replaceAll(/<[^>]+>/g, ' ')
      .replaceAll(/\s+/g, ' ');
  const overview = async () => words((await operator.page('/admin')).text);
  const audited = () => sql(`select act, subject, note from audit_log where act like 'creator.%'`);

  describe('overview', () => {
    it('says that nothing needs a person when nothing does', async () => {
      const text = await overview();
      expect(text).to.contain('1 creator 0 posted in 24 hours 0 failed in 24 hours 0 kB of media');
      expect(text).to.contain('0 open requests 0 deletions under way');
      expect(text).to.contain('Nothing at the moment.');
      expect(text).to.contain('Nothing has reached its end yet.');
    });

    it('counts posts, failures, files, requests and deletions', async () => {
      const { json } = await creator.upload(await video());
      const job = await creator.api('POST', '/v1/jobs', creator.job(json['storage_key']));
      await creator.ended(job.json['id']);
      const copy = async (state: string, finishedAt: string) =>
        sql(
          `insert into jobs (creator_id, mode, send_at, state, title, destination, settings, source_key, finished_at)
           select creator_id, mode, send_at, $1, title, destination, settings, source_key, now() - $2::interval from jobs limit 1`,
          [state, finishedAt],
        );
      await copy('failed', '23 hours');
      await copy('failed', '25 hours');
      await copy('finished', '25 hours');
      await copy('unconfirmed', '25 hours');
      await sql(
        `insert into deletions (receipt_token, method, traces, done_at) values ('a', 'api', 2, null), ('b', 'api', 0, now())`,
      );
      const text = await overview();
      expect(text).to.match(/1 posted in 24 hours 1 failed in 24 hours [\d.]+ (kB|MB) of media/);
      expect(text).to.contain('1 deletion under way');
      expect(text).to.contain('1 deletion with traces left');
      expect(text).to.contain('1 unconfirmed post');
    });

    it('lists requests with a week left or less, the most pressing first', async () => {
      await sql(
        `insert into deletion_requests (received_at, state, closed_at)
         select now() - days * interval '1 day', state,
                case when state in ('done', 'refused') then now() end from (values
           (31.5, 'received'), (30.5, 'received'), (29.9, 'identity_asked'), (23.5, 'received'), (10, 'received'),
           (40, 'done'), (40, 'refused')) as given (days, state)`,
      );
      const text = await overview();
      expect(text).to.contain('5 open requests');
      expect(text).to.match(/request 1 ✕ 1 day overdue .*request 2 ✕ Overdue since today /);
      expect(text).to.match(/request 3 ◷ 1 day left .*request 4 ◷ 7 days left/);
      const listWords = words((await operator.page('/admin/deletions')).text);
      for (const said of ['1 day overdue', 'Overdue since today', '1 day left', '7 days left']) {
        expect(listWords).to.contain(said);
      }
      for (const number of [5, 6, 7]) expect(text).not.to.contain(`request ${number} `);
    });

    it('tells what was swept, by the words of its declaration', async () => {
      await sql(
        `insert into sweeps (what, removed, bytes, ms) values ('request_log', 1234, 0, 5), ('working_copies', 3, 5000000, 5)`,
      );
      const text = await overview();
      expect(text).to.match(/Working copies 3 5 MB/);
      expect(text).to.match(/1,234 –/);
      expect(text).not.to.contain('request_log');
    });
  });

  describe('of creators', () => {
    const openId = async () =>
      (await sql('select open_id from creators where id = $1', [creator.creator_id]))[0].open_id;
    const found = async (q: string) =>
      (await operator.page(`/admin/creators?${new URLSearchParams({ q })}`)).text.includes(
        `/admin/creators/${creator.creator_id}"`,
      );

    it('find one by the beginning of the name, the internal id, or the whole open_id', async () => {
      for (const q of ['winter.shop', '@Winter.Shop', 'winter', '', creator.creator_id]) {
        expect(await found(q), q).to.equal(true);
      }
      expect(await found(await openId())).to.equal(true);
    });

    it('find nobody by half an id, a wildcard, or what is no name', async () => {
      const half = (await openId()).slice(0, -1);
      for (const q of [
        half,
        creator.creator_id.slice(0, -1),
        '%',
        '_inter',
        "' or 1=1 --",
        '\0x',
      ]) {
        expect(await found(q), q).to.equal(false);
      }
    });

    it('suspend and let go again, which an API key feels at once', async () => {
      const path = `/admin/creators/${creator.creator_id}`;
      await operator.form(`${path}/suspension`);
      await operator.form(`${path}/suspension`);
      expect(words((await operator.page(path)).text)).to.contain('Suspended since');
      expect((await creator.api('GET', '/v1/jobs')).json['code']).to.equal('forbidden');
      await operator.form(`${path}/suspension/removal`);
      expect((await creator.api('GET', '/v1/jobs')).status).to.equal(200);
      expect((await audited()).map(({ act }) => act)).to.deep.equal([
        'creator.suspended',
        'creator.unsuspended',
      ]);
    });

    it('set a plan with its last day, which holds at once', async () => {
      const path = `/admin/creators/${creator.creator_id}/plan`;
      const set = (fields: Record<string, string>) => operator.form(path, fields);
      expect((await set({ plan: 'trial', ends_on: '2026-01-31' })).status).to.equal(303);
      expect((await creator.api('POST', '/v1/jobs', creator.job('x'))).json['code']).to.equal(
        'plan_expired',
      );
      expect((await set({ plan: 'paid', ends_on: '' })).status).to.equal(303);
      expect((await creator.api('POST', '/v1/jobs', creator.job('x'))).json['code']).to.equal(
        'invalid_request',
      );
      const me = await creator.api('GET', '/v1/creators/me');
      expect(me.json).to.include({ plan: 'paid', plan_ends_at: null });
    });

    it('refuse a plan or a day that is none, and a creator who is none', async () => {
      const path = `/admin/creators/${creator.creator_id}/plan`;
      for (const fields of [{ plan: 'gold' }, { plan: 'paid', ends_on: '31.1.' }, {}]) {
        expect((await operator.form(path, fields as Record<string, string>)).status).to.equal(400);
      }
      for (const id of ['nonsense', '00000000-0000-4000-8000-000000000000']) {
        expect((await operator.page(`/admin/creators/${id}`)).status).to.equal(404);
        expect((await operator.form(`/admin/creators/${id}/suspension`)).status).to.equal(404);
      }
    });

    it('do not show whoever is leaving', async () => {
      await sql('update creators set leaving_at = now() where id = $1', [creator.creator_id]);
      expect(await found('winter.shop')).to.equal(false);
      expect((await operator.page(`/admin/creators/${creator.creator_id}`)).status).to.equal(404);
      await sql('update creators set leaving_at = null where id = $1', [creator.creator_id]);
    });

    it('print what an operator did, and not to whom', () => {
      for (const act of ['suspended', 'unsuspended', 'plan_set']) {
        expect(app.output()).to.contain(`"event":"creator.${act}"`);
      }
      expect(app.output()).not.to.contain(creator.creator_id);
    });

    it('leave lines in the audit log that say what, and name no creator', async () => {
      const rows = await audited();
      expect(rows).to.deep.include({ act: 'creator.plan_set', subject: 'trial', note: null });
      expect(JSON.stringify(rows)).not.to.contain(creator.creator_id);
      expect(JSON.stringify(rows)).not.to.contain('winter');
      expect(words((await operator.page('/admin/audit')).text)).to.contain(
        'creator: plan set trial',
      );
    });
  });
});
