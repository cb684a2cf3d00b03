import { expect } from 'chai';
import type { Database } from '../../src/base/database.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { video } from '../support/videos.ts';

describe('the room for media', () => {
  let app: Appliance;
  let db: Database;
  let client: Client;
  before(async () => {
    app = await anAppliance({ STORAGE_MAX_GB: '1', LOG_LEVEL: 'warn' });
    db = app.db;
    client = await app.creator();
  });
  after(() => app?.[Symbol.asyncDispose]());

  const ready = async () => {
    const answer = await fetch(`${app.url}/readyz`);
    return { status: answer.status, storage: ((await answer.json()) as Json)['storage'] };
  };
  const begin = (length: number) =>
    client.api('POST', '/v1/uploads', undefined, {
      ...{ 'tus-resumable': '1.0.0', 'upload-length': String(length) },
    });
  /** As if so much were stored; waits until the sum that is known is a new one. */
  async function stored(bytes: number): Promise<void> {
    await db('media').update({ bytes });
    await new Promise((done) => setTimeout(done, 5_100));
  }

  it('is said to come to its end, and then refuses uploads alone', async () => {
    const { json: media } = await client.upload(await video());
    expect(await ready()).to.deep.equal({ status: 200, storage: 'ok' });
    await stored(899_000_000);
    expect((await ready()).storage).to.equal('ok');
    expect((await begin(50_000_000)).status).to.equal(201);
    const refused = await begin(200_000_000);
    expect([refused.status, refused.json['code']]).to.deep.equal([507, 'storage_full']);
    await stored(900_000_000);
    expect(await ready()).to.deep.equal({ status: 200, storage: 'nearly_full' });
    await stored(1_000_000_000);
    expect(await ready()).to.deep.equal({ status: 200, storage: 'full' });
    const { status, json } = await client.upload(await video());
    expect([status, json['code']]).to.deep.equal([507, 'storage_full']);
    expect((await client.api('GET', '/v1/media')).status).to.equal(200);
    expect((await client.api('DELETE', `/v1/media/${media['storage_key']}`)).status).to.equal(204);
  });

  it('keeps what had arrived of an upload when it is full, and goes on when there is room', async () => {
    const bytes = await video();
    await new Promise((done) => setTimeout(done, 5_100));
    const { headers } = await begin(bytes.length);
    const path = headers.get('location') as string;
    const patch = (offset: number, body: Uint8Array) =>
      fetch(app.url + path, {
        method: 'PATCH',
        headers: {
          ...{ authorization: `Bearer ${client.key}`, 'tus-resumable': '1.0.0' },
          ...{ 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
        },
        body: body as BodyInit,
      });
    expect((await patch(0, bytes.subarray(0, 1_000))).status).to.equal(204);
    await client.upload(await video({ seconds: 1.3 }));
    await stored(1_000_000_000);
    expect((await patch(1_000, bytes.subarray(1_000))).status).to.equal(507);
    expect((await client.api('GET', path)).json['offset']).to.equal(1_000);
    await stored(1_000);
    expect((await patch(1_000, bytes.subarray(1_000))).status).to.equal(204);
  });
});
