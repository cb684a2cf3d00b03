import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Database } from '../../../src/base/database.ts';
import {
  type Appliance,
  anAppliance,
  type Client,
  type Env,
  type Json,
} from '../../support/appliance.ts';
import { paddedVideo, video } from '../../support/videos.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a resumable upload', () => {
  let app: Appliance;
  let db: Database;
  let client: Client;
  let other: Client;
  before(async () => {
    app = await anAppliance({
      LOG_LEVEL: 'warn',
      API_REQUESTS_PER_MINUTE: '0',
      PLAN_PAID_UPLOAD_MB: '60',
    });
    db = app.db;
    client = await app.creator('uploader');
    other = await app.creator('other');
  });
  after(() => app?.[Symbol.asyncDispose]());
  beforeEach(() => db('uploads').delete());

  const ask = (method: string, path: string, headers: Env = {}, body?: Uint8Array) =>
    askAs(client, { method, path, headers, body });

  async function askAs(
    as: Client,
    {
      method,
      path,
      headers,
      body,
    }: { method: string; path: string; headers: Env; body: Uint8Array | undefined },
  ) {
    const answer = await fetch(new URL(path, app.url), {
      method,
      headers: { authorization: `Bearer ${as.key}`, 'tus-resumable': '1.0.0', ...headers },
      ...(body === undefined ? {} : { body: body as BodyInit }),
    });
    const text = await answer.text();
    const json: Json = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: answer.status, headers: answer.headers, json };
  }
  const begin = async (length: number, headers: Env = {}) => {
    const answer = await ask('POST', '/v1/uploads', {
      'upload-length': String(length),
      ...headers,
    });
    expect(answer.status).to.equal(201);
    return answer.headers.get('location') as string;
  };
  const patch = (path: string, offset: number, body: Uint8Array, headers: Env = {}) =>
    ask(
      'PATCH',
      path,
      {
        'upload-offset': String(offset),
        'content-type': 'application/offset+octet-stream',
        ...headers,
      },
      body,
    );
  const offsetOf = async (path: string) =>
    Number((await ask('HEAD', path)).headers.get('upload-offset'));
  /** Names of all stored objects. */
  const files = () =>
    readdirSync(join(app.data_dir, 'media'), { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile() && /^[A-Za-z0-9]{20,}/.test(each.name))
      .map(({ name }) => name);

  it('says what it offers to whoever asks, and nothing to other origins', async () => {
    const answer = await fetch(`${app.url}/v1/uploads`, { method: 'OPTIONS' });
    expect(answer.status).to.equal(204);
    expect(answer.headers.get('tus-version')).to.equal('1.0.0');
    expect(answer.headers.get('tus-extension')).to.equal(
      'creation,creation-with-upload,creation-defer-length,termination,expiration',
    );
    const begun = await ask('POST', '/v1/uploads', {
      'upload-length': '5',
      origin: 'https://evil.example',
    });
    for (const [name] of begun.headers) expect(name).not.to.match(/^access-control-/);
  });

  it('comes in pieces and is the same file as one that came at once', async () => {
    const bytes = await paddedVideo(40_000_000);
    const path = await begin(bytes.length, {
      'upload-metadata': `filename ${base64('Sømmer.mp4')},filetype ${base64('video/mp4')},is_draft`,
    });
    expect(path).to.match(/^\/v1\/uploads\/[0-9a-f-]{36}$/);
    const first = await patch(path, 0, bytes.subarray(0, 20_000_000));
    expect([first.status, first.headers.get('upload-offset')]).to.deep.equal([204, '20000000']);
    expect(Date.parse(first.headers.get('upload-expires') ?? '')).to.be.closeTo(
      Date.now() + 86_400_000,
      60_000,
    );
    const head = await ask('HEAD', path);
    expect(head.status).to.equal(200);
    expect(head.headers.get('upload-length')).to.equal(String(bytes.length));
    expect(head.headers.get('cache-control')).to.equal('no-store');
    expect(head.headers.get('upload-metadata'))
      .to.contain(base64('Sømmer.mp4'))
      .and.contain('is_draft');
    const { json: me } = await client.api('GET', '/v1/creators/me');
    expect(me['usage']).to.include({ unfinished_uploads: 1, unfinished_bytes: 20_000_000 });
    const { json: list } = await client.api('GET', '/v1/uploads');
    expect(list['data']).to.have.length(1);
    expect(list['data'][0]).to.include({
      file_name: 'Sømmer.mp4',
      offset: 20_000_000,
      media: null,
    });
    const last = await patch(path, 20_000_000, bytes.subarray(20_000_000));
    expect(last.status).to.equal(204);
    const key = last.headers.get('pm3k-storage-key') as string;
    expect(last.headers.get('content-location')).to.equal(`/v1/media/${key}`);
    const { json: media } = await client.api('GET', `/v1/media/${key}`);
    expect(media).to.include({
      bytes: bytes.length,
      sha256: sha256(bytes),
      content_type: 'video/mp4',
    });
    const stored = await fetch(media['url']);
    expect(sha256(Buffer.from(await stored.arrayBuffer()))).to.equal(sha256(bytes));
    expect((await client.api('GET', path)).json['media']).to.deep.equal(media);
    const done = await ask('HEAD', path);
    expect(done.headers.get('pm3k-storage-key')).to.equal(key);
    expect(done.headers.get('upload-offset')).to.equal(String(bytes.length));
    expect(await db('upload_parts')).to.deep.equal([]);
    expect(files()).to.deep.equal([key]);
    const row = await db('media').where({ storage_key: key }).first();
    expect(row.file_name).to.equal('Sømmer.mp4');
    const { json: job } = await client.api('POST', '/v1/jobs', client.job(key));
    expect(await client.ended(job['id'])).to.include({ status: 'finished' });
    expect((await ask('DELETE', path)).json['code']).to.equal('state_conflict');
  });

  it('may bring its bytes with its beginning, and say its size last', async () => {
    const bytes = await video();
    const whole = await ask(
      'POST',
      '/v1/uploads',
      { 'upload-length': String(bytes.length), 'content-type': 'application/offset+octet-stream' },
      bytes,
    );
    expect(whole.status).to.equal(201);
    expect(whole.json).to.include({
      sha256: sha256(bytes),
      storage_key: whole.headers.get('pm3k-storage-key'),
    });
    const begun = await ask('POST', '/v1/creators/me/uploads', { 'upload-defer-length': '1' });
    const path = begun.headers.get('location') as string;
    expect(path).to.match(/^\/v1\/creators\/me\/uploads\//);
    expect((await patch(path, 0, bytes)).status).to.equal(204);
    expect((await ask('HEAD', path)).headers.get('upload-defer-length')).to.equal('1');
    const end = { 'upload-length': String(bytes.length), 'x-http-method-override': 'PATCH' };
    const last = await ask(
      'POST',
      path,
      {
        ...end,
        'upload-offset': String(bytes.length),
        'content-type': 'application/offset+octet-stream',
      },
      new Uint8Array(),
    );
    expect(last.status).to.equal(204);
    expect(last.headers.get('pm3k-storage-key')).to.be.a('string');
  });

  it('keeps what had arrived when the line is cut', async () => {
    const bytes = await paddedVideo(30_000_000);
    const path = await begin(bytes.length);
    const cut = new AbortController();
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 5_000_000));
        await sleep(500);
        cut.abort();
      },
    });
    await fetch(app.url + path, {
      ...{ method: 'PATCH', body, duplex: 'half', signal: cut.signal },
      headers: {
        ...{
          authorization: `Bearer ${client.key}`,
          'tus-resumable': '1.0.0',
          'upload-offset': '0',
        },
        'content-type': 'application/offset+octet-stream',
      },
    } as RequestInit).catch(() => {});
    let offset = 0;
    for (let tries = 0; tries < 50 && offset === 0; tries += 1) {
      await sleep(100);
      offset = (await client.api('GET', path)).json['offset'];
    }
    expect(offset).to.be.within(4_000_000, 5_000_000);
    expect(
      (await patch(path, offset, bytes.subarray(offset))).headers.get('pm3k-storage-key'),
    ).to.be.a('string');
    expect((await client.api('GET', path)).json['media']['sha256']).to.equal(sha256(bytes));
  });

  it('lets the newest request go on, and stops the one before', async () => {
    const bytes = await paddedVideo(20_000_000);
    const path = await begin(bytes.length);
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 1_000_000));
        await held;
        controller.enqueue(bytes.subarray(1_000_000));
        controller.close();
      },
    });
    const older = streamed(app.url + path, client, body);
    await sleep(300);
    expect(await offsetOf(path)).to.equal(0);
    expect((await patch(path, 0, bytes.subarray(0, 3_000_000))).status).to.equal(204);
    release();
    const refused = await older;
    expect(refused.status).to.equal(409);
    expect(((await refused.json()) as Json)['code']).to.equal('state_conflict');
    expect(await offsetOf(path)).to.equal(3_000_000);
    await patch(path, 3_000_000, bytes.subarray(3_000_000));
    expect((await client.api('GET', path)).json['media']['sha256']).to.equal(sha256(bytes));
  });

  it('is called the same on the pages and in the API, by either word of clients', async () => {
    await begin(9, { 'upload-metadata': `filename ${base64('one.mp4')}` });
    await begin(9, { 'upload-metadata': `name ${base64('two.mp4')}` });
    const { data } = (await ask('GET', '/v1/uploads')).json;
    expect(data.map((each: Json) => each['file_name'])).to.have.members(['one.mp4', 'two.mp4']);
    for (const path of ['/media', '/jobs/new'])
      expect((await client.page(path)).text)
        .to.contain('one.mp4')
        .and.to.contain('two.mp4');
  });

  it('is nobody else’s business', async () => {
    const path = await begin(100);
    for (const method of ['HEAD', 'PATCH', 'DELETE', 'GET']) {
      const headers = { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
      const body = method === 'PATCH' ? new Uint8Array(1) : undefined;
      const answer = await askAs(other, { method, path, headers, body });
      expect(answer.status, method).to.equal(404);
    }
    const foreign = path.replace('/v1/', `/v1/creators/${other.creatorId}/`);
    expect((await ask('HEAD', foreign)).status).to.equal(404);
    for (const id of ['x', 'ffffffff-ffff-4fff-8fff-ffffffffffff', '%00', '..%2Fmedia'])
      expect((await ask('HEAD', `/v1/uploads/${id}`)).status, id).to.equal(404);
    const stranger = await fetch(`${app.url}/v1/uploads`, {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': '5' },
    });
    expect(stranger.status).to.equal(401);
  });

  it('refuses what is no media, and keeps nothing of it', async () => {
    const before = files();
    const bytes = randomBytes(1000);
    const path = await begin(bytes.length);
    const { status, json } = await patch(path, 0, bytes);
    expect([status, json['code']]).to.deep.equal([422, 'media_rejected']);
    expect((await ask('HEAD', path)).status).to.equal(404);
    const nothing = await ask('POST', '/v1/uploads', { 'upload-length': '0' });
    expect([nothing.status, nothing.json['code']]).to.deep.equal([422, 'media_rejected']);
    expect(await db('uploads')).to.deep.equal([]);
    expect(files()).to.deep.equal(before);
  });

  it('refuses what is larger than the plan takes, before a byte and while they flow', async () => {
    const begun = await ask('POST', '/v1/uploads', { 'upload-length': '60000001' });
    expect([begun.status, begun.json['code']]).to.deep.equal([413, 'too_large']);
    expect(begun.json['detail']).to.equal(
      'The file is larger than 60 MB, the most this plan takes.',
    );
    expect(await db('uploads')).to.deep.equal([]);
    const { headers } = await ask('POST', '/v1/uploads', { 'upload-defer-length': '1' });
    const path = headers.get('location') as string;
    const declared = await patch(path, 0, new Uint8Array(5), { 'upload-length': '60000001' });
    expect([declared.status, declared.json['code']]).to.deep.equal([413, 'too_large']);
    const body = new ReadableStream({
      start(controller) {
        for (let n = 0; n < 62; n += 1) controller.enqueue(new Uint8Array(1_000_000));
        controller.close();
      },
    });
    const flowing = await streamed(app.url + path, client, body).catch(() => null);
    // The line may be cut before the answer is read.
    if (flowing) expect(flowing.status).to.equal(413);
    expect(await offsetOf(path)).to.be.at.most(60_000_000);
  });

  it('answers every fault of a request in our own form', async () => {
    const path = await begin(10);
    const type = { 'content-type': 'application/offset+octet-stream' };
    const faults: [string, string, Env, number, string][] = [
      ['POST', '/v1/uploads', {}, 400, 'invalid_request'],
      ['POST', '/v1/uploads', { 'upload-length': 'x' }, 400, 'invalid_request'],
      ['POST', '/v1/uploads', { 'upload-length': '-1' }, 400, 'invalid_request'],
      [
        'POST',
        '/v1/uploads',
        { 'upload-length': '5', 'upload-defer-length': '1' },
        400,
        'invalid_request',
      ],
      [
        'POST',
        '/v1/uploads',
        { 'upload-length': '5', 'upload-metadata': 'a b c' },
        400,
        'invalid_request',
      ],
      [
        'POST',
        '/v1/uploads',
        { 'upload-length': '5', 'upload-metadata': `a ${base64('\0')}` },
        400,
        'invalid_request',
      ],
      [
        'POST',
        '/v1/uploads',
        { 'upload-length': '5', 'upload-metadata': `a ${'A'.repeat(4400)}` },
        400,
        'invalid_request',
      ],
      [
        'POST',
        '/v1/uploads',
        { 'upload-concat': 'partial', 'upload-length': '5' },
        400,
        'invalid_request',
      ],
      [
        'POST',
        '/v1/uploads',
        { 'upload-length': '5', 'tus-resumable': '0.2.2' },
        412,
        'invalid_request',
      ],
      ['PATCH', path, { ...type }, 400, 'invalid_request'],
      ['PATCH', path, { ...type, 'upload-offset': '3' }, 409, 'state_conflict'],
      [
        'PATCH',
        path,
        { 'upload-offset': '0', 'content-type': 'video/mp4' },
        415,
        'unsupported_media_type',
      ],
      ['POST', path, { 'x-http-method-override': 'GET' }, 405, 'method_not_allowed'],
      ['POST', path, {}, 405, 'method_not_allowed'],
    ];
    for (const [method, address, headers, status, code] of faults) {
      const answer = await ask(
        method,
        address,
        headers,
        method === 'PATCH' ? new Uint8Array(2) : undefined,
      );
      const what = `${method} ${JSON.stringify(headers)}`;
      expect([answer.status, answer.json['code']], what).to.deep.equal([status, code]);
      expect(answer.headers.get('content-type'), what).to.contain('application/problem+json');
      expect(answer.json['status'], what).to.equal(status);
      if (status === 412) expect(answer.headers.get('tus-version')).to.equal('1.0.0');
    }
    const more = await patch(path, 0, new Uint8Array(11));
    expect([more.status, more.json['code']]).to.deep.equal([413, 'too_large']);
  });

  it('is ended by its creator, and by time, with all of its parts', async () => {
    const before = files();
    const ended = await begin(100);
    await patch(ended, 0, new Uint8Array(50));
    expect((await ask('DELETE', ended)).status).to.equal(204);
    expect((await ask('HEAD', ended)).status).to.equal(404);
    expect(files()).to.deep.equal(before);
    const silent = await begin(100);
    await patch(silent, 0, new Uint8Array(50));
    const fresh = await begin(100);
    await patch(fresh, 0, new Uint8Array(60));
    await db('uploads')
      .where({ id: silent.split('/').at(-1) })
      .update({ expires_at: new Date(Date.now() - 1_000) });
    expect((await ask('HEAD', silent)).status).to.equal(404);
    await db.raw("select graphile_worker.add_job('retention.sweep', job_key := 'retention.sweep')");
    while ((await db('uploads').pluck('id')).length > 1) await sleep(100);
    expect(files()).to.have.length(before.length + 1);
    expect(await offsetOf(fresh)).to.equal(60);
  });

  it('stops at fifty that were never finished', async () => {
    // Also when many begin at once.
    for (let n = 0; n < 45; n += 1) await begin(5);
    const askAtOnce = () => ask('POST', '/v1/uploads', { 'upload-length': '5' });
    const all = await Promise.all(Array.from({ length: 12 }, askAtOnce));
    expect(all.filter((each) => each.status === 201)).to.have.length(5);
    const { status, json } = await ask('POST', '/v1/uploads', { 'upload-length': '5' });
    expect([status, json['code']]).to.deep.equal([409, 'state_conflict']);
  });

  it('asks on the dashboard for a session and for its own origin', async () => {
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': '5' };
    const send = async (more: Env) => {
      const answer = await fetch(`${app.url}/uploads`, {
        method: 'POST',
        headers: { ...headers, ...more },
      });
      return [answer.status, answer.headers.get('location')];
    };
    const own = { 'sec-fetch-site': 'same-origin' };
    expect((await send({ cookie: client.cookie }))[0]).to.equal(403);
    expect((await send({ cookie: client.cookie, 'sec-fetch-site': 'cross-site' }))[0]).to.equal(
      403,
    );
    expect((await send(own))[0]).to.equal(401);
    const [status, location] = await send({ ...own, cookie: client.cookie });
    expect(status).to.equal(201);
    expect(location).to.match(/^\/uploads\/[0-9a-f-]{36}$/);
    const head = await fetch(app.url + location, {
      method: 'HEAD',
      headers: { cookie: client.cookie, 'tus-resumable': '1.0.0' },
    });
    expect(head.headers.get('upload-offset')).to.equal('0');
  });
});

/** A PATCH from the beginning on whose bytes come as the stream gives them. */
function streamed(url: string, client: Client, body: ReadableStream): Promise<Response> {
  return fetch(url, {
    ...{ method: 'PATCH', body, duplex: 'half' },
    headers: {
      ...{
        authorization: `Bearer ${client.key}`,
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
      },
      'content-type': 'application/offset+octet-stream',
    },
  } as RequestInit);
}
