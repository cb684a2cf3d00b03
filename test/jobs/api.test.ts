// Shows that every fault in a request for a job is refused by its code and place, and that others’ jobs are not found.
import { expect } from 'chai';
import type { Client, Json } from '../support/appliance.ts';
import { expectProblem } from '../support/problem.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

const NOT_FOUND = { status: 404, code: 'not_found' };

describe('bad input', () => {
  let app: SharedAppliance;
  let creator: Client;
  let other: Client;
  let key: string;
  before(async () => {
    app = await sharedAppliance();
    creator = await app.creator('jobs.bad.input');
    other = await app.creator('jobs.somebody.else');
    key = (await creator.upload(await video())).json['storage_key'];
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
        expectProblem(await creator.api('POST', '/v1/jobs', body()), { status, code, pointer });
      });
    }

    it('always says where, be it the whole', async () => {
      const { json } = await creator.api('POST', '/v1/jobs', '{"mode":');
      expect(json['errors']).to.deep.equal([
        { pointer: '', message: 'The body is not a JSON object.' },
      ]);
      const none = await creator.api('POST', '/v1/jobs', job({ video: undefined, photos: [] }));
      expect(none.json['errors'].map((each: Json) => each['pointer'])).to.deep.equal(['/photos']);
    });

    it('stores nothing at all', async () => {
      const rows = await app.db('jobs').where({ creator_id: creator.creatorId }).select('id');
      expect(rows).to.deep.equal([]);
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
        expectProblem(await other.api(method, `${path}${suffix}`, body), NOT_FOUND);
      }
      expect((await other.page(`/jobs/${json['id']}`)).status).to.equal(404);
      await creator.api('POST', `${path}/cancellation`);
    });

    it('is not_found for ids that are none', async () => {
      expectProblem(await creator.api('GET', `/v1/jobs/${"'; drop table jobs; --"}`), NOT_FOUND);
      expectProblem(await creator.api('GET', '/v1/media/..%2f..%2fetc%2fpasswd'), NOT_FOUND);
    });
  });

  it('leaves no caption, key or token in the log', () => {
    expect(app.output()).not.to.contain(creator.key);
    expect(app.output()).not.to.contain('A caption');
    expect(app.output()).not.to.contain('act.');
  });
});
