import { expect } from 'chai';
import { loadModules } from '../../src/modules.ts';
import { listPaths } from '../../src/web/api.ts';
import { openApi } from '../../src/web/docs.ts';
import type { Client, Json } from '../support/appliance.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

describe('the API’s own description', () => {
  let app: SharedAppliance;
  let client: Client;
  before(async () => {
    app = await sharedAppliance();
    client = await app.creator('describes.itself');
  });

  it('is true of the answers: each call answers what its schema says, to the field', async () => {
    const { json: media } = await client.upload(await video());
    const scheduleAt = new Date(Date.now() + 3600_000).toISOString();
    const body = client.job(media['storage_key'], { mode: 'schedule', schedule_at: scheduleAt });
    const { json: later } = await client.api('POST', '/v1/jobs', body);
    const { json: job } = await client.api('POST', '/v1/jobs', client.job(media['storage_key']));
    await client.ended(job['id']);
    const begun = await client.api('POST', '/v1/uploads', undefined, {
      ...{ 'tus-resumable': '1.0.0', 'upload-length': '5' },
    });
    const values: Record<string, string> = {
      upload_id: begun.headers.get('location')?.split('/').at(-1) ?? '',
      id: job['id'],
      storage_key: media['storage_key'],
      creator_id: 'me',
    };
    let checked = 0;
    for (const route of (await loadModules()).flatMap((module) => module.api ?? [])) {
      if (route.method !== 'get') continue;
      for (const [status, answer] of Object.entries(route.answers)) {
        if (typeof answer === 'string') continue;
        for (const path of listPaths(route)) {
          const address = path.replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? '');
          const found = await client.api('GET', address);
          expect(found.status, address).to.equal(Number(status));
          const result = answer.schema.safeParse(found.json);
          expect(result.error?.issues ?? [], address).to.deep.equal([]);
          checked += 1;
        }
      }
    }
    expect(checked).to.be.greaterThan(8);
    const cancelled = await client.api('POST', `/v1/jobs/${later['id']}/cancellation`);
    const routes = (await loadModules()).flatMap((module) => module.api ?? []);
    const answer = routes.find(({ path }) => path === '/jobs/{id}/cancellation')?.answers[200];
    expect((answer as Json)['schema'].safeParse(cancelled.json).success).to.equal(true);
  });

  it('names every route twice, its parameters, its limits and its header', async () => {
    const { paths } = openApi(await loadModules(), 'http://localhost') as Json;
    expect(paths).to.include.keys('/v1/jobs', '/v1/creators/{creator_id}/jobs');
    const { post } = paths['/v1/jobs'];
    expect(post.parameters.map((each: Json) => each['name'])).to.include('Idempotency-Key');
    const schema = post.requestBody.content['application/json'].schema;
    expect(schema.properties.title.maxLength).to.equal(2200);
    expect(post.responses[202].content['application/json'].schema.required).to.include('send_at');
    const served = await fetch(`${app.url}/openapi.json`);
    expect(((await served.json()) as Json)['openapi']).to.equal('3.1.0');
  });
});
