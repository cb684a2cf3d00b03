// Shows that photos given by URL are downloaded and posted from our storage.
import { expect } from 'chai';
import type { Database } from '../../../src/base/database.ts';
import type { Appliance, Client, Json } from '../../support/appliance.ts';
import { photoAppliance, postsOf, until, uploaded } from '../../support/photo-posts.ts';
import { jpeg, picture } from '../../support/photos.ts';
import { aSource, type Source, VERIFY } from '../../support/source.ts';

describe('photos on a verified domain', () => {
  let app: Appliance;
  let db: Database;
  let source: Source;
  let client: Client;
  before(async () => {
    app = await photoAppliance({
      env: {
        FETCH_ALLOW_PRIVATE_NETWORKS: 'true',
        TIKTOK_SITE_VERIFICATION: 'tiktokAbC.txt=tiktok-developers-site-verification=AbC',
      },
    });
    db = app.db;
    source = await aSource();
    client = await app.creator();
    const { json } = await client.api('POST', '/v1/domains', { host: source.host });
    source.answers[VERIFY] = json['token'];
    await client.api('POST', `/v1/domains/${json['id']}/verification`);
    source.answers['/1.png'] = await picture({ width: 500 }).png().toBuffer();
    source.answers['/2.jpg'] = await jpeg({ width: 500 });
    source.answers['/3.svg'] = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  });
  after(async () => {
    await source?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  const at = (path: string) => ({ source: 'url', url: `${source.url}${path}` });
  const posted = async (photos: Json[]) => {
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob([], { photos }));
    expect(json['id'], JSON.stringify(json)).to.be.a('string');
    return client.ended(json['id']);
  };

  it('are fetched, posted beside uploads in their order, and their copies go', async () => {
    const [key] = await uploaded(client, [await jpeg({ width: 600 })]);
    const upload = { source: 'pm3k_storage', storage_key: key };
    const job = await posted([at('/1.png'), upload, at('/2.jpg')]);
    expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
    expect(job['media']['changes']).to.deep.equal([
      'Photo 1: Converted from PNG to JPEG: TikTok takes JPEG and WebP.',
    ]);
    expect(postsOf(app, client)[0]?.photo_images).to.have.length(3);
    // TikTok never sends a request to the creator's server.
    expect(source.asked.filter((path) => path !== VERIFY)).to.deep.equal(['/1.png', '/2.jpg']);
    await until(async () => (await db('media').where({ purpose: 'working' })).length === 0);
    expect(await db('media').where({ storage_key: key })).to.have.length(1);
  });

  it('stay while others are fetched, however long that takes, and are fetched once', async () => {
    let answer = () => {};
    source.asked.length = 0;
    const second = await jpeg({ width: 700 });
    source.answers['/slow.jpg'] = (_request, response) => {
      answer = () => void response.end(second.subarray(100));
      response.writeHead(200, { 'content-length': second.length });
      response.write(second.subarray(0, 100));
    };
    const photos = [at('/1.png'), at('/slow.jpg')];
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob([], { photos }));
    const copies = () => db('media').where({ purpose: 'working' });
    await until(async () => source.asked.includes('/slow.jpg') && (await copies()).length === 1);
    await copies().update({ created_at: new Date(Date.now() - 2 * 3600_000) });
    await db.raw(`select graphile_worker.add_job('retention.sweep', job_key := 'sweep')`);
    await until(
      async () => (await db('graphile_worker.jobs').where({ key: 'sweep' })).length === 0,
    );
    expect(await copies()).to.have.length(1);
    answer();
    const job = await client.ended(json['id']);
    expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
    expect(source.asked.filter((path) => path === '/1.png')).to.have.length(1);
    expect((await db('jobs').where({ id: json['id'] }).first()).source_sha256).to.be.a('string');
    await until(async () => (await copies()).length === 0);
  });

  it('that are none are named', async () => {
    const job = await posted([at('/2.jpg'), at('/3.svg')]);
    expect(job).to.include({ status: 'failed' });
    expect(job['error']['code']).to.equal('media_rejected');
    expect(job['error']['message']).to.match(/^Photo 2: SVG drawings are not photos/);
  });

  it('are pulled from a domain that TikTok finds verified: its signature file is at the root', async () => {
    const answer = await fetch(`${app.url}/tiktokAbC.txt`);
    expect(answer.headers.get('content-type')).to.match(/^text\/plain/);
    expect(await answer.text()).to.equal('tiktok-developers-site-verification=AbC');
  });
});
