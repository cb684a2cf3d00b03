import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Appliance, anAppliance } from '../../support/appliance.ts';
import { video } from '../../support/videos.ts';

describe('the pages of posts', () => {
  let app: Appliance;
  before(async () => {
    app = await anAppliance();
  });
  after(() => app?.[Symbol.asyncDispose]());

  it('show the upload when the converted copy has gone, and say so when both have', async () => {
    const client = await app.creator('converts');
    const { json: media } = await client.upload(await video({ size: '240x320' }));
    const key = media['storage_key'] as string;
    const { json } = await client.api('POST', '/v1/jobs', client.job(key));
    const job = await client.ended(json['id']);
    expect(job['media'].changes).not.to.be.empty;

    // The copy goes a moment after the post was made.
    while (await app.db('media').where({ purpose: 'working' }).first('storage_key'))
      await sleep(50);

    const pages = ['/jobs', `/jobs/${job['id']}`];
    for (const path of pages) {
      const { text } = await client.page(path);
      expect(text.match(/src="\/media\/[^"#]+/g), path).to.deep.equal([`src="/media/${key}`]);
    }
    expect((await client.api('DELETE', `/v1/media/${key}`)).status).to.equal(204);
    for (const path of pages)
      expect((await client.page(path)).text, path).not.to.contain('src="/media/');
    const { text } = await client.page(`/jobs/${job['id']}`);
    expect(text).to.contain('The file is no longer stored here.');
  });
});
