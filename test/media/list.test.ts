import { expect } from 'chai';
import type { Database } from '../../src/base/database.ts';
import { randomToken } from '../../src/base/secrets.ts';
import type { Client } from '../support/appliance.ts';
import { sharedAppliance } from '../support/shared-appliance.ts';

describe('the list of uploads', () => {
  let db: Database;
  let client: Client;
  before(async () => {
    const app = await sharedAppliance();
    db = app.db;
    client = await app.creator('lists.uploads');
    const row = {
      ...{ creator_id: client.creatorId, purpose: 'upload', content_type: 'video/mp4' },
      ...{ bytes: 5, sha256: 'x', expires_at: new Date(Date.now() + 1e8) },
      facts: { duration_ms: 1, width: 1, height: 1, fps: 1 },
    };
    // Several in the same microsecond, and several in the same millisecond.
    for (let n = 0; n < 23; n += 1) {
      const createdAt = `2026-11-20 10:00:00.0000${String(Math.floor(n / 3)).padStart(2, '0')}+00`;
      await db('media').insert({ ...row, storage_key: randomToken(190), created_at: createdAt });
    }
  });

  it('comes page by page, each upload once, newest first', async () => {
    const all = await client.api('GET', '/v1/media');
    expect(all.json['data']).to.have.length(23);
    expect(all.json['next_cursor']).to.equal(null);
    for (const limit of [1, 5, 22, 23]) {
      const keys: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({ limit: String(limit), ...(cursor ? { cursor } : {}) });
        const { status, json } = await client.api('GET', `/v1/media?${query}`);
        expect(status).to.equal(200);
        expect(json['data'].length).to.be.at.most(limit);
        keys.push(...json['data'].map((each: { storage_key: string }) => each.storage_key));
        cursor = json['next_cursor'];
      }
      expect(keys, `by ${limit}`).to.deep.equal(
        all.json['data'].map((each: { storage_key: string }) => each.storage_key),
      );
    }
  });

  it('says in round numbers how much one file may have', async () => {
    expect((await client.page('/media')).text).to.contain('One file may have up to 4000 MB,');
  });

  it('takes no other cursor, and no other size', async () => {
    const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const query of [
      ...['cursor=x', `cursor=${forged(['now()', 'x'])}`, `cursor=${forged(['2026', 5])}`],
      ...['limit=0', 'limit=201', 'limit=x', 'page=2'],
    ]) {
      const { status, json } = await client.api('GET', `/v1/media?${query}`);
      expect([status, json['code']], query).to.deep.equal([400, 'invalid_request']);
    }
  });
});
