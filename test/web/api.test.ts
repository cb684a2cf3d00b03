// Shows what is answered to a request that cannot be read, or that is for somebody else’s address.
import { expect } from 'chai';
import type { Client, Json } from '../support/appliance.ts';
import { expectProblem } from '../support/problem.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

describe('bad input', () => {
  let app: SharedAppliance;
  let creator: Client;
  let other: Client;
  let key: string;
  before(async () => {
    app = await sharedAppliance();
    creator = await app.creator('web.bad.input');
    other = await app.creator('web.somebody.else');
    key = (await creator.upload(await video())).json['storage_key'];
  });

  describe('in a request for a job', () => {
    const job = (more: Json = {}) => creator.job(key, more);

    it('of another content type is unsupported_media_type', async () => {
      const answer = await creator.api('POST', '/v1/jobs', 'mode=now', {
        'content-type': 'application/x-www-form-urlencoded',
      });
      expectProblem(answer, { status: 415, code: 'unsupported_media_type' });
    });

    it('that is not compressed as it says is invalid_request', async () => {
      const headers = { 'content-encoding': 'gzip' };
      const answer = await creator.api('POST', '/v1/jobs', JSON.stringify(job()), headers);
      expectProblem(answer, { status: 400, code: 'invalid_request' });
    });

    it('that is not brotli although it says so is invalid_request', async () => {
      const headers = { 'content-encoding': 'br' };
      const answer = await creator.api('POST', '/v1/jobs', JSON.stringify(job()), headers);
      expectProblem(answer, { status: 400, code: 'invalid_request' });
    });

    it('with a NUL in a form or an address is refused, and no fault of ours', async () => {
      expect((await fetch(`${app.url}/media/%00`)).status).to.equal(400);
      for (const path of ['/api-key/removal', '/admin/sign-in']) {
        const answer = await creator.form(path, { name: 'a\0', email: 'a\0@x.example' });
        expect(answer.status, path).to.be.within(400, 499);
      }
    });

    it('that is far too long is too_large', async () => {
      expectProblem(await creator.api('POST', '/v1/jobs', job({ title: 'x'.repeat(300_000) })), {
        status: 413,
        code: 'too_large',
      });
    });
  });

  describe('in ids of somebody else', () => {
    it('is not_found for a creator in the path', async () => {
      expectProblem(await other.api('GET', `/v1/creators/${creator.creatorId}/jobs`), {
        status: 404,
        code: 'not_found',
      });
      expect((await other.api('GET', `/v1/creators/${other.creatorId}/jobs`)).status).to.equal(200);
      expect((await other.api('GET', '/v1/creators/me/jobs')).status).to.equal(200);
    });
  });

  it('is method_not_allowed and not_found where there is nothing', async () => {
    const refused = await creator.api('PUT', '/v1/jobs', {});
    expectProblem(refused, { status: 405, code: 'method_not_allowed' });
    expect(refused.headers.get('allow')).to.contain('POST');
    expectProblem(await creator.api('GET', '/v1/nothing'), { status: 404, code: 'not_found' });
  });
});
