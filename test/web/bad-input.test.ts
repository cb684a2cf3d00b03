import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
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

  const files = () =>
    readdirSync(join(app.data_dir, 'media'), { recursive: true, withFileTypes: true }).filter(
      (each) => each.isFile(),
    ).length;

  async function expectProblem(
    answer: { status: number; json: Json },
    status: number,
    code: string,
    pointer?: string,
  ) {
    expect(answer.json['code'], JSON.stringify(answer.json)).to.equal(code);
    expect(answer.status).to.equal(status);
    expect(answer.json).to.include.keys('type', 'title', 'status', 'detail', 'request_id');
    if (pointer !== undefined) {
      expect(answer.json['errors'].map((each: Json) => each['pointer'])).to.include(pointer);
    }
  }

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
        await expectProblem(await send(), status, code);
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
      if (!(answer instanceof Error)) await expectProblem(answer, 413, 'too_large');
      expect(files()).to.equal(before);
    });
  });

  describe('in a request for a job', () => {
    const job = (more: Json = {}) => creator.job(key, more);
    const cases: [string, () => unknown, number, string, string?][] = [
      ['broken JSON', () => '{"mode":', 400, 'invalid_request'],
      ['a list', () => '[]', 400, 'invalid_request'],
      ['an unknown field', () => job({ colour: 'red' }), 400, 'invalid_request', '/colour'],
      [
        'an unknown setting',
        () => job({ settings: { privacy_level: 'SELF_ONLY', glitter: true } }),
        400,
        'invalid_request',
        '/settings/glitter',
      ],
      [
        'no privacy level',
        () => job({ settings: {} }),
        400,
        'invalid_request',
        '/settings/privacy_level',
      ],
      [
        'an unknown privacy level',
        () => job({ settings: { privacy_level: 'NOBODY' } }),
        400,
        'invalid_request',
        '/settings/privacy_level',
      ],
      [
        'a caption of 2201 units',
        () => job({ title: 'x'.repeat(2201) }),
        400,
        'invalid_request',
        '/title',
      ],
      [
        'a caption of 1101 emoji',
        () => job({ title: '🌻'.repeat(1101) }),
        400,
        'invalid_request',
        '/title',
      ],
      [
        'a schedule without a time',
        () => job({ mode: 'schedule' }),
        400,
        'invalid_request',
        '/schedule_at',
      ],
      [
        'a time in the past',
        () => job({ mode: 'schedule', schedule_at: '2020-01-01T00:00:00Z' }),
        400,
        'invalid_request',
        '/schedule_at',
      ],
      [
        'a time beyond the plan',
        () =>
          job({
            mode: 'schedule',
            schedule_at: new Date(Date.now() + 32 * 86_400_000).toISOString(),
          }),
        400,
        'invalid_request',
        '/schedule_at',
      ],
      [
        'a time without a zone',
        () => job({ mode: 'schedule', schedule_at: '2030-01-01T10:00:00' }),
        400,
        'invalid_request',
        '/schedule_at',
      ],
      ['a caption with NUL', () => job({ title: 'a\0b' }), 400, 'invalid_request', '/title'],
      [
        'a caption with half a character',
        () => `${JSON.stringify(job({ title: 'x' })).replace('"x"', '"\\ud83c"')}`,
        400,
        'invalid_request',
        '/title',
      ],
      [
        'a storage key with NUL',
        () => creator.job('a\0b'),
        400,
        'invalid_request',
        '/video/storage_key',
      ],
      [
        'an unknown storage key',
        () => creator.job('nothing'),
        400,
        'invalid_request',
        '/video/storage_key',
      ],
      [
        'private branded content',
        () => job({ settings: { privacy_level: 'SELF_ONLY', brand_content: true } }),
        400,
        'invalid_request',
        '/settings/privacy_level',
      ],
      [
        'an unverified host',
        () => job({ video: { source: 'url', url: 'https://example.org/a.mp4' } }),
        403,
        'domain_not_verified',
      ],
      [
        'a plain http URL',
        () => job({ video: { source: 'url', url: 'http://example.org/a.mp4' } }),
        422,
        'url_not_allowed',
      ],
      [
        'a URL with a port',
        () => job({ video: { source: 'url', url: 'https://example.org:8443/a.mp4' } }),
        422,
        'url_not_allowed',
      ],
    ];
    for (const [name, body, status, code, pointer] of cases) {
      it(`${name} is ${code}${pointer ? ` at ${pointer}` : ''}`, async () => {
        await expectProblem(await creator.api('POST', '/v1/jobs', body()), status, code, pointer);
      });
    }

    it('of another content type is unsupported_media_type', async () => {
      const answer = await creator.api('POST', '/v1/jobs', 'mode=now', {
        'content-type': 'application/x-www-form-urlencoded',
      });
      await expectProblem(answer, 415, 'unsupported_media_type');
    });

    it('that is not compressed as it says is invalid_request', async () => {
      const headers = { 'content-encoding': 'gzip' };
      const answer = await creator.api('POST', '/v1/jobs', JSON.stringify(job()), headers);
      await expectProblem(answer, 400, 'invalid_request');
    });

    it('that is not brotli although it says so is invalid_request', async () => {
      const headers = { 'content-encoding': 'br' };
      const answer = await creator.api('POST', '/v1/jobs', JSON.stringify(job()), headers);
      await expectProblem(answer, 400, 'invalid_request');
    });

    it('with a NUL in a form or an address is refused, and no fault of ours', async () => {
      expect((await fetch(`${app.url}/media/%00`)).status).to.equal(400);
      for (const path of ['/api-key/removal', '/admin/sign-in']) {
        const answer = await creator.form(path, { name: 'a\0', email: 'a\0@x.example' });
        expect(answer.status, path).to.be.within(400, 499);
      }
    });

    it('with an empty Idempotency-Key is invalid_request', async () => {
      const answer = await creator.api('POST', '/v1/jobs', job(), { 'idempotency-key': '' });
      await expectProblem(answer, 400, 'invalid_request');
    });

    it('always says where, be it the whole', async () => {
      const { json } = await creator.api('POST', '/v1/jobs', '{"mode":');
      expect(json['errors']).to.deep.equal([
        { pointer: '', message: 'The body is not a JSON object.' },
      ]);
      const none = await creator.api('POST', '/v1/jobs', job({ video: undefined, photos: [] }));
      expect(none.json['errors'].map((each: Json) => each['pointer'])).to.deep.equal(['/photos']);
    });

    it('that is far too long is too_large', async () => {
      await expectProblem(
        await creator.api('POST', '/v1/jobs', job({ title: 'x'.repeat(300_000) })),
        413,
        'too_large',
      );
    });

    it('stores nothing at all', async () => {
      const client = new pg.Client(app.database_url);
      await client.connect();
      const { rows } = await client.query('select count(*)::int as jobs from jobs');
      await client.end();
      expect(rows[0].jobs).to.equal(0);
    });
  });

  describe('in a key', () => {
    const cases: [string, () => string, string][] = [
      ['none at all', () => '', 'unauthorized'],
      ['another scheme', () => 'Basic abc', 'unauthorized'],
      ['nonsense', () => 'Bearer hello', 'unauthorized'],
      [
        'a typing error',
        () => `Bearer ${creator.key.slice(0, -1)}${creator.key.endsWith('0') ? '1' : '0'}`,
        'unauthorized',
      ],
    ];
    for (const [name, authorization, code] of cases) {
      it(`${name} is ${code}`, async () => {
        await expectProblem(
          await creator.api('GET', '/v1/jobs', undefined, { authorization: authorization() }),
          401,
          code,
        );
      });
    }

    it('that has expired is key_expired', async () => {
      const late = await app.creator('late');
      const client = new pg.Client(app.database_url);
      await client.connect();
      await client.query(`update api_keys set expires_at = now() where creator_id = $1`, [
        late.creator_id,
      ]);
      await client.end();
      await expectProblem(await late.api('GET', '/v1/jobs'), 401, 'key_expired');
    });
  });

  describe('in ids of somebody else', () => {
    it('is not_found for a job, whatever is asked of it', async () => {
      const scheduleAt = new Date(Date.now() + 3_600_000).toISOString();
      const { json } = await creator.api(
        'POST',
        '/v1/jobs',
        creator.job(key, { mode: 'schedule', schedule_at: scheduleAt }),
      );
      const path = `/v1/jobs/${json['id']}`;
      for (const [method, suffix, body] of [
        ['GET', '', undefined],
        ['GET', '/events', undefined],
        ['PATCH', '', { title: 'mine' }],
        ['POST', '/cancellation', undefined],
        ['POST', '/retry', undefined],
        ['POST', '/resolution', { outcome: 'posted' }],
      ] as const) {
        await expectProblem(await other.api(method, `${path}${suffix}`, body), 404, 'not_found');
      }
      expect((await other.page(`/jobs/${json['id']}`)).status).to.equal(404);
      await creator.api('POST', `${path}/cancellation`);
    });

    it('is not_found for media, and invalid_request as the video of a job', async () => {
      await expectProblem(await other.api('GET', `/v1/media/${key}`), 404, 'not_found');
      await expectProblem(await other.api('DELETE', `/v1/media/${key}`), 404, 'not_found');
      const answer = await other.api('POST', '/v1/jobs', other.job(key));
      await expectProblem(answer, 400, 'invalid_request', '/video/storage_key');
    });

    it('is not_found for a creator in the path', async () => {
      await expectProblem(
        await other.api('GET', `/v1/creators/${creator.creator_id}/jobs`),
        404,
        'not_found',
      );
      expect((await other.api('GET', `/v1/creators/${other.creator_id}/jobs`)).status).to.equal(
        200,
      );
      expect((await other.api('GET', '/v1/creators/me/jobs')).status).to.equal(200);
    });

    it('is not_found for ids that are none', async () => {
      await expectProblem(
        await creator.api('GET', `/v1/jobs/${"'; drop table jobs; --"}`),
        404,
        'not_found',
      );
      await expectProblem(
        await creator.api('GET', '/v1/media/..%2f..%2fetc%2fpasswd'),
        404,
        'not_found',
      );
    });
  });

  it('is method_not_allowed and not_found where there is nothing', async () => {
    const refused = await creator.api('PUT', '/v1/jobs', {});
    await expectProblem(refused, 405, 'method_not_allowed');
    expect(refused.headers.get('allow')).to.contain('POST');
    await expectProblem(await creator.api('GET', '/v1/nothing'), 404, 'not_found');
  });

  it('is refused from another origin, and without any proof of origin', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': '', origin: 'https://evil.example' },
      { 'sec-fetch-site': '' },
    ]) {
      const answer = await creator.form('/sign-out', {}, headers);
      expect(answer.status).to.equal(403);
    }
    expect((await creator.page('/jobs')).status).to.equal(200);
  });

  it('leaves no caption, key or token in the log', () => {
    expect(app.output()).not.to.contain(creator.key);
    expect(app.output()).not.to.contain('A caption');
    expect(app.output()).not.to.contain('act.');
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
