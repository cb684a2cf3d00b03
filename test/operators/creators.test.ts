// Shows how operators find, suspend and provide creators with a plan, and what stays written down of it.
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { ADMIN, type OperatorClient, readWords, signedInOperator } from '../support/operator.ts';
import { query } from '../support/sql.ts';

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

  const sql = (text: string, values?: unknown[]) => query(app.database_url, text, values);
  const audited = () => sql(`select act, subject, note from audit_log where act like 'creator.%'`);

  describe('of creators', () => {
    const openId = async () =>
      (await sql('select open_id from creators where id = $1', [creator.creatorId]))[0].open_id;
    const found = async (q: string) =>
      (await operator.page(`/admin/creators?${new URLSearchParams({ q })}`)).text.includes(
        `/admin/creators/${creator.creatorId}"`,
      );

    it('find one by the beginning of the name, the internal id, or the whole open_id', async () => {
      for (const q of ['winter.shop', '@Winter.Shop', 'winter', '', creator.creatorId]) {
        expect(await found(q), q).to.equal(true);
      }
      expect(await found(await openId())).to.equal(true);
    });

    it('find nobody by half an id, a wildcard, or what is no name', async () => {
      const half = (await openId()).slice(0, -1);
      for (const q of [half, creator.creatorId.slice(0, -1), '%', '_inter', "' or 1=1 --", '\0x']) {
        expect(await found(q), q).to.equal(false);
      }
    });

    it('suspend and let go again, which an API key feels at once', async () => {
      const path = `/admin/creators/${creator.creatorId}`;
      await operator.form(`${path}/suspension`);
      await operator.form(`${path}/suspension`);
      expect(readWords((await operator.page(path)).text)).to.contain('Suspended since');
      expect((await creator.api('GET', '/v1/jobs')).json['code']).to.equal('forbidden');
      await operator.form(`${path}/suspension/removal`);
      expect((await creator.api('GET', '/v1/jobs')).status).to.equal(200);
      expect((await audited()).map(({ act }) => act)).to.deep.equal([
        'creator.suspended',
        'creator.unsuspended',
      ]);
    });

    it('set a plan with its last day, which holds at once', async () => {
      const path = `/admin/creators/${creator.creatorId}/plan`;
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
      const path = `/admin/creators/${creator.creatorId}/plan`;
      for (const fields of [{ plan: 'gold' }, { plan: 'paid', ends_on: '31.1.' }, {}]) {
        expect((await operator.form(path, fields as Record<string, string>)).status).to.equal(400);
      }
      for (const id of ['nonsense', '00000000-0000-4000-8000-000000000000']) {
        expect((await operator.page(`/admin/creators/${id}`)).status).to.equal(404);
        expect((await operator.form(`/admin/creators/${id}/suspension`)).status).to.equal(404);
      }
    });

    it('do not show whoever is leaving', async () => {
      await sql('update creators set leaving_at = now() where id = $1', [creator.creatorId]);
      expect(await found('winter.shop')).to.equal(false);
      expect((await operator.page(`/admin/creators/${creator.creatorId}`)).status).to.equal(404);
      await sql('update creators set leaving_at = null where id = $1', [creator.creatorId]);
    });

    it('print what an operator did, and not to whom', async () => {
      for (const act of ['suspended', 'unsuspended', 'plan_set']) {
        await app.untilPrinted(`"event":"creator.${act}"`);
      }
      expect(app.output()).not.to.contain(creator.creatorId);
    });

    it('leave lines in the audit log that say what, and name no creator', async () => {
      const rows = await audited();
      expect(rows).to.deep.include({ act: 'creator.plan_set', subject: 'trial', note: null });
      expect(JSON.stringify(rows)).not.to.contain(creator.creatorId);
      expect(JSON.stringify(rows)).not.to.contain('winter');
      expect(readWords((await operator.page('/admin/audit')).text)).to.contain(
        'creator: plan set trial',
      );
    });
  });
});
