// Shows that photos are posted once, whatever fails on the way.
import { expect } from 'chai';
import type { Fault } from '../../../scripts/tiktok-sandbox/state.ts';
import type { Appliance, Json } from '../../support/appliance.ts';
import {
  breakFile,
  isMarked,
  photoAppliance,
  postsOf,
  shown,
  until,
  uploaded,
} from '../../support/photo-posts.ts';
import { jpeg, picture, plain } from '../../support/photos.ts';

describe('a post of photos', () => {
  let app: Appliance;
  let number = 0;
  before(async () => {
    app = await photoAppliance();
  });
  after(() => app[Symbol.asyncDispose]());

  const aCreator = () => {
    number += 1;
    return app.creator(`photos${number}`);
  };
  const order = (endpoint: string, kind: string) =>
    app.sandbox.state.faults.push({ endpoint, kind, count: 1 } as Fault);
  const lints = () => app.sandbox.state.findings.map(({ rule }) => rule);

  it('is made directly, with everything that was asked, and its words and toggles told', async () => {
    const client = await aCreator();
    const keys = await uploaded(client, [
      await jpeg(),
      plain(await picture({ width: 2000, height: 3000, alpha: true }).png().toBuffer()),
      plain(await picture().webp().toBuffer()),
    ]);
    const asked = {
      title: 'Three pictures',
      photo_cover_index: 2,
      settings: {
        privacy_level: 'PUBLIC_TO_EVERYONE',
        allow_comment: true,
        auto_add_music: true,
        brand_organic: true,
        is_aigc: true,
      },
    };
    const { json, status } = await client.api('POST', '/v1/jobs', client.photoJob(keys, asked));
    expect(status, JSON.stringify(json)).to.equal(202);
    const job = await client.ended(json['id']);
    expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
    expect(job['media']).to.include({ kind: 'photo', width: 720, height: 1280, duration_ms: null });
    expect(job['media']['changes']).to.deep.equal([
      'Photo 2: Converted from PNG to JPEG: TikTok takes JPEG and WebP.',
      'Photo 2: Made smaller: TikTok takes at most 1080 pixels on the shorter side and 1920 on the longer.',
      'Photo 2: Put on white: TikTok does not show transparency.',
    ]);
    expect(job['post_urls'][0]).to.match(/\/@photos1\/photo\/\d+$/);
    const [post] = postsOf(app, client);
    expect(post?.publish_id).to.equal(job['publish_id']);
    expect(post?.photo_images).to.have.length(3);
    expect(post?.post_info).to.deep.include({
      title: 'Three pictures',
      description: 'What there is to see',
      privacy_level: 'PUBLIC_TO_EVERYONE',
      disable_comment: false,
      auto_add_music: true,
      brand_content_toggle: false,
      brand_organic_toggle: true,
      is_aigc: true,
      photo_cover_index: 2,
      post_mode: 'DIRECT_POST',
    });
    expect(lints()).to.deep.equal([]);
    // The photos' URLs are gone.
    for (const url of post?.photo_images ?? []) expect((await fetch(url)).status).to.equal(404);
    expect(await app.db('photo_links')).to.have.length(0);
  });

  it('goes to the inbox with its words alone', async () => {
    const client = await aCreator();
    const keys = await uploaded(client, [await jpeg()]);
    const body = client.photoJob(keys, { destination: 'inbox', settings: { allow_comment: true } });
    const { json } = await client.api('POST', '/v1/jobs', body);
    expect((await client.ended(json['id']))['status']).to.equal('finished');
    const [post] = postsOf(app, client);
    expect(post?.status).to.equal('SEND_TO_USER_INBOX');
    expect(post?.post_info).to.include({
      post_mode: 'MEDIA_UPLOAD',
      description: body['description'],
    });
    expect(lints()).to.deep.equal([]);
  });

  it('is accepted beside others that name the same photos in another order', async () => {
    const client = await aCreator();
    const bytes = await jpeg();
    const keys = await uploaded(
      client,
      Array.from({ length: 12 }, () => bytes),
    );
    const scheduleAt = new Date(Date.now() + 86_400_000).toISOString();
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, n) => {
        const orderOfKeys = n % 2 ? keys : keys.toReversed();
        const body = client.photoJob(orderOfKeys, { mode: 'schedule', schedule_at: scheduleAt });
        return client.api('POST', '/v1/jobs', body);
      }),
    );
    expect(new Set(all.map(({ status }) => status))).to.deep.equal(new Set([202]));
    for (const { json } of all) await client.api('POST', `/v1/jobs/${json['id']}/cancellation`);
  });

  it('takes thirty-five, and refuses what TikTok would', async () => {
    const client = await aCreator();
    const [key = ''] = await uploaded(client, [await jpeg()]);
    const many = Array.from({ length: 35 }, () => key);
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob(many));
    expect((await client.ended(json['id']))['status']).to.equal('finished');
    expect(postsOf(app, client)[0]?.photo_images).to.have.length(35);
    const refused: [string, Json][] = [
      ['/photos', client.photoJob([...many, key])],
      ['/photos', client.photoJob([])],
      ['/title', client.photoJob([key], { title: 'x'.repeat(91) })],
      ['/description', client.photoJob([key], { description: '😀'.repeat(2001) })],
      ['/photo_cover_index', client.photoJob([key], { photo_cover_index: 1 })],
      ['/photo_cover_index', client.photoJob([key], { photo_cover_index: -1 })],
      ['/photos', client.photoJob([key], { video: { source: 'pm3k_storage', storage_key: key } })],
      ['/video/storage_key', client.job(key)],
      ['/photos/1/storage_key', client.photoJob([key, 'nothing'])],
    ];
    for (const [pointer, body] of refused) {
      const answer = await client.api('POST', '/v1/jobs', body);
      expect(answer.status, pointer).to.equal(400);
      expect(answer.json['errors'][0]['pointer']).to.equal(pointer);
    }
  });

  it('names the photo that is at fault', async () => {
    const client = await aCreator();
    const good = await jpeg();
    const keys = await uploaded(client, [good, good]);
    // The photo is damaged after its inspection, as by a failing disk.
    await app.db('media').where({ storage_key: keys[1] }).update({ file_name: 'beach.png' });
    breakFile(app, keys[1] ?? '');
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob(keys));
    const job = await client.ended(json['id']);
    expect(job['status']).to.equal('failed');
    expect(job['error']['code']).to.equal('media_rejected');
    expect(job['error']['message']).to.match(/^Photo 2 \(beach\.png\): .*rule: photo_decodable/);
  });

  const once: [string, string, string][] = [
    ['an answer to init that is lost', 'content/init', 'answer_lost'],
    ['a 500 at init', 'content/init', 'http_500'],
    ['a gateway’s HTML at init', 'content/init', 'html_502'],
    ['an access token that died', 'content/init', 'token_revoked'],
    ['photos that TikTok could not pull', 'processing', 'fail:photo_pull_failed'],
    ['a failure inside TikTok’s processing', 'processing', 'fail:internal'],
  ];
  for (const [name, endpoint, kind] of once) {
    it(`survives ${name}, and is made once`, async () => {
      const client = await aCreator();
      const keys = await uploaded(client, [await jpeg(), await jpeg({ colour: '#804020' })]);
      order(endpoint, kind);
      const { json } = await client.api('POST', '/v1/jobs', client.photoJob(keys));
      const job = await client.ended(json['id'], 100_000);
      expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
      expect(postsOf(app, client)).to.have.length(1);
      expect(app.sandbox.state.findings.filter((each) => each.kind === 'violation')).to.deep.equal(
        [],
      );
    });
  }

  it('fails with TikTok’s word where TikTok refuses it, and can be tried again', async () => {
    const client = await aCreator();
    const keys = await uploaded(client, [await jpeg()]);
    order('content/init', 'refuse:url_ownership_unverified');
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob(keys));
    const job = await client.ended(json['id']);
    expect(job).to.include({ status: 'failed' });
    expect(job['error']['tiktok']['code']).to.equal('url_ownership_unverified');
    expect(job['error']['message']).to.contain('domain');
    expect(await app.db('photo_links')).to.have.length(0);
    await client.api('POST', `/v1/jobs/${json['id']}/retry`);
    expect((await client.ended(json['id']))['status']).to.equal('finished');
    expect(postsOf(app, client)).to.have.length(1);
  });

  it('waits where TikTok takes no more posts today, and can be cancelled meanwhile', async () => {
    const client = await aCreator();
    const keys = await uploaded(client, [await jpeg()]);
    order('content/init', 'refuse:spam_risk_too_many_posts');
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob(keys));
    await until(async () => (await shown(client, json['id']))['status'] === 'scheduled');
    const cancelled = await client.api('POST', `/v1/jobs/${json['id']}/cancellation`);
    expect(cancelled.json['status']).to.equal('cancelled');
    expect(postsOf(app, client)).to.have.length(0);
  });

  it('cannot be cancelled once TikTok may have been told', async () => {
    const client = await aCreator();
    const keys = await uploaded(client, [await jpeg()]);
    order('content/init', 'answer_late');
    const { json } = await client.api('POST', '/v1/jobs', client.photoJob(keys));
    await until(async () => isMarked(app, json['id']));
    const cancelled = await client.api('POST', `/v1/jobs/${json['id']}/cancellation`);
    expect(cancelled.json['code']).to.equal('state_conflict');
    expect((await client.ended(json['id']))['status']).to.equal('finished');
    expect(postsOf(app, client)).to.have.length(1);
  });
});
