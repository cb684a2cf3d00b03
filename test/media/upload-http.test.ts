// Shows that an upload which cannot be taken is refused by its code, and that nothing of it is kept.
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { expectProblem } from '../support/problem.ts';
import { video } from '../support/videos.ts';

describe('bad input', () => {
  let app: Appliance;
  let creator: Client;
  let other: Client;
  let key: string;
  before(async () => {
    app = await anAppliance({ PLAN_PAID_UPLOAD_MB: '5' });
    creator = await app.creator();
    other = await app.creator('other');
    key = (await creator.upload(await video())).json['storage_key'];
  });
  after(() => app[Symbol.asyncDispose]());

  // Without what the storage remembers of its database, which is replaced now and then.
  const files = () =>
    readdirSync(join(app.data_dir, 'media'), { recursive: true, withFileTypes: true }).filter(
      (each) => each.isFile() && !each.parentPath.endsWith('/database'),
    ).length;
  describe('in an upload', () => {
    const cases: [string, () => Promise<{ status: number; json: Json }>, number, string][] = [
      ['an empty file', () => creator.upload(new Uint8Array()), 422, 'media_rejected'],
      [
        'a text named mp4',
        () => creator.upload(new TextEncoder().encode('Hello, this is text.')),
        422,
        'media_rejected',
      ],
      [
        'a playlist named mp4',
        () =>
          creator.upload(
            new TextEncoder().encode('#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n'),
          ),
        422,
        'media_rejected',
      ],
      [
        'another content type',
        () => creator.upload(new Uint8Array([1]), 'text/plain'),
        415,
        'unsupported_media_type',
      ],
      [
        'a form without a file',
        () =>
          creator.api(
            'POST',
            '/v1/media',
            '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
            { 'content-type': 'multipart/form-data; boundary=x' },
          ),
        400,
        'invalid_request',
      ],
      [
        'a form without a boundary',
        () => creator.api('POST', '/v1/media', 'x', { 'content-type': 'multipart/form-data' }),
        400,
        'invalid_request',
      ],
      [
        'more than the plan takes',
        () => creator.upload(new Uint8Array(5_000_001)),
        413,
        'too_large',
      ],
    ];
    for (const [name, send, status, code] of cases) {
      it(`of ${name} is ${code}, and nothing is kept`, async () => {
        const before = files();
        expectProblem(await send(), { status, code });
        expect(files()).to.equal(before);
      });
    }

    it('of 10 GB by its declared length is refused before a byte is taken', async () => {
      const { status, body } = await declared(`${app.url}/v1/media`, creator.key, 10_000_000_000);
      expect(status).to.equal(413);
      expect(JSON.parse(body).code).to.equal('too_large');
    });

    it('that grows beyond the plan while it streams is refused, and nothing is kept', async () => {
      const before = files();
      const endless = new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(1_000_000));
        },
      });
      const answer = await creator.upload(endless).catch((error) => error);
      // The connection may be cut before the answer is read; either way nothing stays.
      if (!(answer instanceof Error)) expectProblem(answer, { status: 413, code: 'too_large' });
      expect(files()).to.equal(before);
    });
  });

  describe('in ids of somebody else', () => {
    it('is not_found for media, and invalid_request as the video of a job', async () => {
      expectProblem(await other.api('GET', `/v1/media/${key}`), { status: 404, code: 'not_found' });
      expectProblem(await other.api('DELETE', `/v1/media/${key}`), {
        status: 404,
        code: 'not_found',
      });
      const answer = await other.api('POST', '/v1/jobs', other.job(key));
      expectProblem(answer, {
        status: 400,
        code: 'invalid_request',
        pointer: '/video/storage_key',
      });
    });
  });
});

/** A request that declares a length, sends its head, and waits for the answer. */
function declared(
  url: string,
  key: string,
  length: number,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'video/mp4',
      'content-length': length,
    };
    const sent = request(url, { method: 'POST', headers }, async (answer) => {
      let body = '';
      for await (const part of answer) body += part;
      resolve({ status: answer.statusCode ?? 0, body });
      sent.destroy();
    });
    sent.on('error', reject);
    sent.flushHeaders();
  });
}
