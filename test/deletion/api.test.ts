// Shows that a program deletes its creator only where that is allowed and confirmed.
import { expect } from 'chai';
import type { Database } from '../../src/base/database.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { receiptOf } from '../support/receipt.ts';

describe('leaving by a program', () => {
  let app: Appliance;
  let db: Database;
  before(async () => {
    app = await anAppliance();
    db = app.db;
  });
  after(() => app[Symbol.asyncDispose]());
  const row = (id: string) => db('creators').where({ id }).first();

  const allow = (client: Client, value: string) =>
    client.form('/settings', { keys_may_export_and_erase: value });
  const erase = (client: Client, body: Json, path = '/v1/creators/me') =>
    client.api('DELETE', path, body);

  it('is forbidden until the creator allows it, and again when it is taken back', async () => {
    const client = await app.creator('keyed');
    const refused = async () => {
      for (const { status, json } of [
        await erase(client, { confirm: 'keyed' }),
        await client.api('GET', '/v1/export'),
      ]) {
        expect(json).to.include({ code: 'forbidden' });
        expect(status).to.equal(403);
      }
    };
    await refused();
    expect((await allow(client, 'true')).status).to.equal(303);
    expect((await client.api('GET', '/v1/export')).status).to.equal(200);
    await allow(client, 'false');
    await refused();
    expect((await row(client.creatorId)).leaving_at).to.equal(null);
  });

  it('takes the right name alone, and nothing else in the body', async () => {
    const client = await app.creator('exact');
    await allow(client, 'true');
    for (const body of [{ confirm: 'exac' }, {}, { confirm: 1 }, { confirm: 'exact', now: true }]) {
      const { status, json } = await erase(client, body);
      expect(status, JSON.stringify(body)).to.equal(400);
      expect(json['code']).to.equal('invalid_request');
    }
    expect((await row(client.creatorId)).leaving_at).to.equal(null);
  });

  it('cannot reach another creator', async () => {
    const client = await app.creator('reacher');
    const other = await app.creator('reached');
    await allow(client, 'true');
    await allow(other, 'true');
    const path = `/v1/creators/${other.creatorId}`;
    expect((await erase(client, { confirm: 'reached' }, path)).status).to.equal(404);
    expect((await client.api('GET', `${path}/export`)).status).to.equal(404);
    expect((await row(other.creatorId)).leaving_at).to.equal(null);
  });

  for (const path of ['me', 'id'] as const) {
    it(`answers 202 with the receipt’s address at /v1/creators/{${path}}`, async () => {
      const client = await app.creator(`api.${path}`);
      await allow(client, 'true');
      const named = path === 'me' ? 'me' : client.creatorId;
      const answer = await erase(client, { confirm: `API.${path}` }, `/v1/creators/${named}`);
      expect(answer.status, answer.text).to.equal(202);
      const { receipt_url } = answer.json as { receipt_url: string };
      expect(receipt_url.startsWith(`${app.url}/deletions/`)).to.equal(true);
      await receiptOf(app, receipt_url);
      expect(await row(client.creatorId)).to.equal(undefined);
      expect((await db('deletions').orderBy('requested_at', 'desc').first()).method).to.equal(
        'api',
      );
    });
  }
});
