// Shows which URLs a post may be made from, and what goes wrong when they fail.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, utimesSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Database } from '../../../src/base/database.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../../support/appliance.ts';
import { aSource, type Source, status, VERIFY } from '../../support/source.ts';
import { paddedVideo, video } from '../../support/videos.ts';
import { waitUntil } from '../../support/wait-until.ts';

const OPEN = { FETCH_ALLOW_PRIVATE_NETWORKS: 'true', FETCH_TIMEOUT_SECONDS: '1' };
const FORM = { 'content-type': 'application/json' };

/** A creator who posts from a verified domain. */
interface Poster extends AsyncDisposable {
  app: Appliance;
  db: Database;
  client: Client;
  source: Source;
  domain_id: string;
  /** Posts the file at a path of the source. */
  post(path: string, more?: Json): Promise<{ status: number; json: Json }>;
  /** Posts and waits until the job has ended. */
  posted(path: string, more?: Json): Promise<Json>;
  working(): Promise<{ storage_key: string }[]>;
  objects(): string[];
}

async function aPoster(env: Record<string, string> = {}): Promise<Poster> {
  const app = await anAppliance({ LOG_LEVEL: 'warn', ...OPEN, ...env });
  const { db } = app;
  const source = await aSource();
  const client = await app.creator();
  const domainId = await verified(client, source);
  const post = (path: string, more: Json = {}) =>
    client.api('POST', '/v1/jobs', {
      ...client.job('none', more),
      video: { source: 'url', url: `${source.url}${path}` },
    });
  return {
    ...{ app, db, client, source, domain_id: domainId, post },
    async posted(path, more) {
      const { json } = await post(path, more);
      expect(json['id'], JSON.stringify(json)).to.be.a('string');
      return client.ended(json['id']);
    },
    working: () => db('media').where({ purpose: 'working' }).select('storage_key'),
    objects: () =>
      readdirSync(join(app.data_dir, 'media'), { recursive: true })
        .map(String)
        .filter((name) => /^..\/./.test(name)),
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

async function verified(client: Client, source: Source): Promise<string> {
  const { json } = await client.api('POST', '/v1/domains', { host: source.host });
  source.answers[VERIFY] = json['token'];
  const { status: found } = await client.api('POST', `/v1/domains/${json['id']}/verification`);
  expect(found).to.equal(200);
  return json['id'];
}

const until = (isSo: () => unknown) => waitUntil(isSo, 30_000);

/** Sends the head and half of a file, and says when. `gone` counts the clients that left. */
function stalling(bytes: Buffer): {
  answer: Source['answers'][string];
  begun: number;
  gone: number;
} {
  const seen = {
    begun: 0,
    gone: 0,
    answer: (_request: unknown, response: ServerResponse) => {
      seen.begun += 1;
      response.on('close', () => {
        seen.gone += 1;
      });
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length / 2));
    },
  };
  return seen;
}

describe('a post from a verified URL', () => {
  let itIs: Poster;
  let bytes: Buffer;
  before(async () => {
    itIs = await aPoster({ PLAN_PAID_UPLOAD_MB: '3', PLAN_FREE_VERIFIED_URLS: 'false' });
    bytes = await video();
  });
  after(() => itIs?.[Symbol.asyncDispose]());
  beforeEach(() => {
    itIs.source.asked.length = 0;
  });

  const sent = (job: Json) =>
    itIs.app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);

  it('is sent byte for byte, asked for once, and its copy goes', async () => {
    const { source, posted, working, objects, client } = itIs;
    source.answers['/v.mp4?key=1'] = bytes;
    const job = await posted('/v.mp4?key=1');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(job).to.include({ status: 'finished', error: null });
    expect(job['media']).to.include({ kind: 'video', bytes: bytes.length, sha256, width: 360 });
    expect(sent(job)?.sha256).to.equal(sha256);
    expect(source.asked).to.deep.equal(['/v.mp4?key=1']);
    await until(async () => (await working()).length === 0 && objects().length === 0);
    const { json } = await client.api('GET', `/v1/jobs/${job['id']}/events`);
    const names = json['data'].map((event: Json) => event['name']);
    expect(names.slice(0, 3)).to.deep.equal(['accepted', 'fetched', 'prepared']);
  });

  it('leaves neither its copy nor what was converted', async () => {
    const { source, posted, working, objects } = itIs;
    const options = ['-c:v', 'mpeg4', '-c:a', 'mp3'];
    source.answers['/v.avi'] = await video({ extension: 'avi', options });
    const job = await posted('/v.avi');
    expect(job['status']).to.equal('finished');
    expect(job['media']['changes'][0]).to.match(/MPEG-4 part 2/);
    await until(async () => (await working()).length === 0 && objects().length === 0);
  });

  it('is judged by its looks before it is accepted', async () => {
    const { client, source } = itIs;
    for (const [url, code, http] of [
      ['ftp://127.0.0.1/v.mp4', 'url_not_allowed', 422],
      [`http://me:secret@${source.host}/v.mp4`, 'url_not_allowed', 422],
      ['not a url', 'url_not_allowed', 422],
      [`${source.url.replace('127.0.0.1', 'localhost')}/v.mp4`, 'domain_not_verified', 403],
      ['https://example.com/v.mp4', 'domain_not_verified', 403],
      [`${itIs.app.url}/media/${'x'.repeat(32)}`, 'invalid_request', 400],
    ] as const) {
      const body = { ...client.job('none'), video: { source: 'url', url } };
      const { status: found, json } = await client.api('POST', '/v1/jobs', body);
      expect(json['code'], url).to.equal(code);
      expect(found, url).to.equal(http);
    }
    expect(source.asked).to.deep.equal([]);
  });

  it('needs a plan that has Verified URLs, also when the plan changes before it is fetched', async () => {
    const { db, client, post } = itIs;
    const set = (plan: string) => db('creators').where({ id: client.creatorId }).update({ plan });
    await set('free');
    const { json } = await post('/v.mp4');
    expect(json).to.include({ code: 'source_not_allowed_for_plan', status: 400 });
    const { json: upload } = await client.upload(bytes);
    const own = { ...client.job('none'), video: { source: 'url', url: upload['url'] } };
    const { json: accepted } = await client.api('POST', '/v1/jobs', own);
    expect(await client.ended(accepted['id'])).to.include({ status: 'finished' });
    await set('paid');
    await client.api('DELETE', `/v1/media/${upload['storage_key']}`);
  });

  it('fails with what the source answered, and keeps nothing', async () => {
    const { source, posted, working, objects } = itIs;
    const large = await paddedVideo(3_000_001);
    const cases: [Source['answers'][string], string, RegExp][] = [
      [status(404), 'fetch_failed', /HTTP 404/],
      [status(503), 'fetch_failed', /HTTP 503/],
      [status(302, { location: '/v.mp4' }), 'redirect_not_allowed', /HTTP 302/],
      [large, 'too_large', /3 MB/],
      [(_request, response) => response.end(large), 'too_large', /3 MB/],
      ['<html><body>Sign in</body></html>', 'media_rejected', /is_video/],
      ['', 'media_rejected', /empty/],
      [stalling(bytes).answer, 'fetch_failed', /stopped in the middle/],
    ];
    for (const [answer, code, words] of cases) {
      source.answers['/v.mp4'] = answer;
      const job = await posted('/v.mp4');
      expect(job['status']).to.equal('failed');
      expect(job['error']['code']).to.equal(code);
      expect(job['error']['message']).to.match(words).and.not.contain(source.url);
      expect(await working()).to.deep.equal([]);
      expect(objects()).to.deep.equal([]);
    }
  });

  it('is fetched again on a retry, or made from the copy that is still here', async () => {
    const { source, posted, client, db, working, objects } = itIs;
    source.answers['/v.mp4'] = status(500);
    const away = await posted('/v.mp4');
    source.answers['/v.mp4'] = bytes;
    expect((await client.api('POST', `/v1/jobs/${away['id']}/retry`)).status).to.equal(202);
    expect(await client.ended(away['id'])).to.include({ status: 'finished' });
    await until(async () => (await working()).length === 0);

    source.answers['/short.mp4'] = await video({ seconds: 0.4 });
    const short = await posted('/short.mp4');
    expect(short['error']['code']).to.equal('media_rejected');
    expect(await working()).to.have.length(1);
    await client.api('POST', `/v1/jobs/${short['id']}/retry`);
    await client.ended(short['id']);
    expect(source.asked.filter((path) => path === '/short.mp4')).to.have.length(1);
    const sweep = async (hours: number) => {
      const finishedAt = new Date(Date.now() - hours * 3600_000);
      await db('jobs').where({ id: short['id'] }).update({ finished_at: finishedAt });
      await db.raw(`select graphile_worker.add_job('retention.sweep', job_key := 'sweep')`);
      await until(
        async () => (await db('graphile_worker.jobs').where({ key: 'sweep' })).length === 0,
      );
    };
    await sweep(23.9);
    expect(await working()).to.have.length(1);
    await sweep(24.1);
    expect(await working()).to.have.length(0);
    expect(objects()).to.deep.equal([]);
    await client.api('POST', `/v1/jobs/${short['id']}/retry`);
    expect((await client.ended(short['id']))['error']['code']).to.equal('media_rejected');
    expect(source.asked.filter((path) => path === '/short.mp4')).to.have.length(2);
    await sweep(24.1);
  });

  it('is refused when its domain is removed before, and not when it is removed after', async () => {
    const { source, post, client, domain_id, db } = itIs;
    source.answers['/v.mp4'] = bytes;
    const scheduleAt = new Date(Date.now() + 86_400_000).toISOString();
    const { json: later } = await post('/v.mp4', { mode: 'schedule', schedule_at: scheduleAt });
    await until(
      async () => (await db('jobs').where({ id: later['id'] }).first()).state === 'ready',
    );
    const slow = stalling(bytes);
    source.answers['/slow.mp4'] = slow.answer;
    source.answers[VERIFY] = (_request, response) => void setTimeout(() => response.end('x'), 300);
    await db('domains').update({ checked_at: new Date(Date.now() - 90_000_000) });
    const { json: early } = await post('/slow.mp4');
    await client.api('DELETE', `/v1/domains/${domain_id}`);
    const failed = await client.ended(early['id']);
    expect(failed['error']['code']).to.be.oneOf(['domain_not_verified', 'not_found']);
    expect(slow.begun).to.equal(0);
    expect((await post('/v.mp4')).json['code']).to.equal('domain_not_verified');
    await db('jobs').where({ id: later['id'] }).update({ send_at: new Date() });
    await db.raw(
      `select graphile_worker.add_job('publish.send', json_build_object('job_id', ?::text))`,
      [later['id']],
    );
    expect(await client.ended(later['id'])).to.include({ status: 'finished' });
    itIs.domain_id = await verified(client, source);
  });

  it('is stopped by a cancellation in the middle, and nothing of it stays', async () => {
    const { source, post, client, working, objects, app } = itIs;
    const slow = stalling(await paddedVideo(2_000_000));
    // Shorter than the time-out for silence, longer than a cancellation takes to be noticed.
    source.answers['/slow.mp4'] = (request, response) => {
      (slow.answer as (a: unknown, b: ServerResponse) => void)(request, response);
      const timer = setInterval(() => response.write('x'), 300);
      response.on('close', () => clearInterval(timer));
    };
    const { json } = await post('/slow.mp4');
    await until(() => slow.begun === 1);
    await until(
      async () => (await client.api('GET', `/v1/jobs/${json['id']}`)).json['progress'] > 0.3,
    );
    const page = async () => (await client.page(`/jobs/${json['id']}`)).text;
    expect(await page())
      .to.contain('Fetching')
      .and.contain(`${source.url}/slow.mp4`);
    expect(await page())
      .to.contain('The file is being fetched')
      .and.not.contain('/media/null');
    expect((await client.page('/jobs')).text).not.to.contain('/media/null');
    await client.api('POST', `/v1/jobs/${json['id']}/cancellation`);
    expect(await page())
      .to.contain('Our copy of the file is not here')
      .and.not.contain('New post');
    await until(() => slow.gone === 1);
    await until(() => readdirSync(join(app.data_dir, 'media/incoming')).length === 0);
    expect(await working()).to.deep.equal([]);
    expect(objects()).to.deep.equal([]);
  });

  it('is the same media as another post of that day by its content, not by its address', async () => {
    const { source, post, client, db } = itIs;
    const other = await video({ seconds: 1.6 });
    source.answers['/a.mp4'] = other;
    source.answers['/b.mp4'] = other;
    const scheduleAt = new Date(Date.now() + 86_400_000).toISOString();
    const planned = async (path: string, allowDuplicate: boolean) =>
      (
        await post(path, {
          mode: 'schedule',
          schedule_at: scheduleAt,
          allow_duplicate: allowDuplicate,
        })
      ).json['id'];
    const ready = (id: string) =>
      until(async () => (await db('jobs').where({ id }).first()).state === 'ready');
    const first = await planned('/a.mp4', false);
    await ready(first);
    const second = await client.ended(await planned('/b.mp4', false));
    expect(second['error']['code']).to.equal('duplicate_media');
    expect(second['error']['message']).to.contain(first);
    const third = await planned('/b.mp4', true);
    await ready(third);
    for (const id of [first, third]) await client.api('POST', `/v1/jobs/${id}/cancellation`);
  });

  it('is compared with the posts around its own time, also when that was changed in the middle', async () => {
    const { source, post, client, db } = itIs;
    const other = await video({ seconds: 1.7 });
    source.answers['/a.mp4'] = other;
    const slow = stalling(other);
    let finish = () => {};
    source.answers['/slow.mp4'] = (request, response) => {
      (slow.answer as (a: unknown, b: ServerResponse) => void)(request, response);
      finish = () => void response.end(other.subarray(other.length / 2));
    };
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    const planned = async (path: string, days: number) =>
      (
        await post(path, {
          ...{ mode: 'schedule', schedule_at: inDays(days), allow_duplicate: false },
        })
      ).json['id'];
    const first = await planned('/a.mp4', 6);
    await until(async () => (await db('jobs').where({ id: first }).first()).state === 'ready');
    const second = await planned('/slow.mp4', 2);
    await until(() => slow.begun === 1);
    const { status: changed } = await client.api('PATCH', `/v1/jobs/${second}`, {
      schedule_at: inDays(6.1),
    });
    expect(changed).to.equal(200);
    await db.transaction(async (trx) => {
      // A change locks the post's row and then checks its time; a run in the other order would deadlock.
      await trx('jobs').where({ id: second }).forUpdate().first('id');
      finish();
      await sleep(700);
      const { rows } = await trx.raw(
        'select pg_try_advisory_xact_lock(hashtextextended(?, 0)) as is_free',
        [`posting:${client.creatorId}`],
      );
      expect(rows[0].is_free).to.equal(true);
    });
    const { error } = await client.ended(second);
    expect(error).to.include({ code: 'duplicate_media', job_id: first });
    await client.api('POST', `/v1/jobs/${first}/cancellation`);
  });

  it('tells a program of the hosted service its faults at once, by their names there', async () => {
    const { client, source, db } = itIs;
    await db('posting_defaults').insert({
      ...{ creator_id: client.creatorId, destination: 'direct', declaration: 'Yes' },
      settings: JSON.stringify({ privacy_level: 'SELF_ONLY' }),
    });
    const direct = (path: string) =>
      client.api(
        'POST',
        '/api/tiktok/direct_post',
        { source_url: `${source.url}${path}`, title: 'Hello', allow_duplicate: true },
        FORM,
      );
    source.answers['/moved.mp4'] = status(301, { location: '/v.mp4' });
    source.answers['/v.mp4'] = bytes;
    for (const [path, error, http] of [
      ['/moved.mp4', 'redirect_not_allowed', 422],
      ['/none.mp4', 'fetch_error', 502],
    ] as const) {
      const { status: found, json } = await direct(path);
      expect(json).to.include({ ok: false, error });
      expect(found).to.equal(http);
    }
    const { status: found, json } = await direct('/v.mp4');
    expect(found).to.equal(200);
    expect(await client.ended(json['publish_id'])).to.include({ status: 'finished' });
  });

  it('leaves room for others: of one creator two are fetched at once', async () => {
    const { source, post, client, app } = itIs;
    const slow = stalling(bytes);
    source.answers['/slow.mp4'] = (request, response) => {
      (slow.answer as (a: unknown, b: ServerResponse) => void)(request, response);
      const timer = setInterval(() => response.write('x'), 300);
      response.on('close', () => clearInterval(timer));
    };
    const posts = await Promise.all(Array.from({ length: 4 }, () => post('/slow.mp4')));
    const jobs = posts.map(({ json }) => json['id']);
    await until(() => slow.begun === 2);
    const other = await app.creator('another.one');
    const theirs = await aSource({ '/v.mp4': bytes });
    await verified(other, theirs);
    const body = { ...other.job('none'), video: { source: 'url', url: `${theirs.url}/v.mp4` } };
    const { json } = await other.api('POST', '/v1/jobs', body);
    expect(await other.ended(json['id'])).to.include({ status: 'finished' });
    expect(slow.begun).to.equal(2);
    for (const id of jobs) await client.api('POST', `/v1/jobs/${id}/cancellation`);
    await until(() => slow.gone === 2);
    await theirs[Symbol.asyncDispose]();
  });

  it('goes with its creator, also in the middle of the fetch', async () => {
    const { source, post, client, db, objects, app } = itIs;
    const slow = stalling(await paddedVideo(2_000_000));
    source.answers['/slow.mp4'] = (request, response) => {
      (slow.answer as (a: unknown, b: ServerResponse) => void)(request, response);
      const timer = setInterval(() => response.write('x'), 300);
      response.on('close', () => clearInterval(timer));
    };
    await post('/slow.mp4');
    await until(() => slow.begun === 1);
    expect((await client.form('/disconnect', { confirm: client.creatorId })).status).to.equal(303);
    await until(async () => (await db('deletions').whereNotNull('done_at')).length === 1);
    expect(await db('domains').where({ creator_id: client.creatorId })).to.deep.equal([]);
    expect(await db('jobs').where({ creator_id: client.creatorId })).to.deep.equal([]);
    expect(slow.gone).to.equal(1);
    expect(objects()).to.deep.equal([]);
    expect(readdirSync(join(app.data_dir, 'media/incoming'))).to.deep.equal([]);
    expect(app.output()).not.to.contain(source.host);
  });
});

describe('a process that is killed in the middle of a fetch', () => {
  it('begins it again: one copy is used, and of the other nothing stays', async () => {
    await using itIs = await aPoster();
    const { app, source, client, db, post, working, objects } = itIs;
    const bytes = await paddedVideo(2_000_000);
    const slow = stalling(bytes);
    source.answers['/v.mp4'] = slow.answer;
    const { json } = await post('/v.mp4');
    const incoming = join(app.data_dir, 'media/incoming');
    await until(() => existsSync(incoming) && readdirSync(incoming).length === 1);
    await app.kill();
    source.answers['/v.mp4'] = bytes;
    await app.start();
    const job = await client.ended(json['id'], 90_000);
    expect(job).to.include({ status: 'finished', error: null });
    expect(source.asked.filter((path) => path === '/v.mp4')).to.have.length(2);
    const posts = app.sandbox.state.publishes.filter((each) => each.status === 'PUBLISH_COMPLETE');
    expect(posts).to.have.length(1);
    await until(async () => (await working()).length === 0 && objects().length === 0);
    for (const name of readdirSync(incoming)) {
      const longAgo = new Date(Date.now() - 2 * 3600_000);
      utimesSync(join(incoming, name), longAgo, longAgo);
    }
    await db.raw(`select graphile_worker.add_job('retention.sweep', job_key := 'retention.sweep')`);
    await until(() => readdirSync(incoming).length === 0);
  });
});
