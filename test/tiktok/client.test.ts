import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { createTikTok, type TikTok } from '../../src/tiktok/client.ts';
import { findRefusal, KNOWN_REFUSALS } from '../../src/tiktok/error-table.ts';
import { TikTokError } from '../../src/tiktok/errors.ts';
import { assertUploadHost } from '../../src/tiktok/hosts.ts';
import { newVerifier, pkceChallenge } from '../../src/tiktok/oauth.ts';

type Script = (request: IncomingMessage, response: ServerResponse) => void;

describe('the TikTok client', () => {
  let server: Server;
  let script: Script = () => {};
  let tiktok: TikTok;
  let url: string;
  const requests: IncomingMessage[] = [];
  const { signal } = new AbortController();
  before(async () => {
    server = createServer((request, response) => {
      requests.push(request);
      script(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
    const { port } = server.address() as AddressInfo;
    url = `http://127.0.0.1:${port}`;
    tiktok = createTikTok({
      clientKey: 'key',
      clientSecret: 'hush',
      authorizeUrl: `${url}/auth/`,
      apiUrl: url,
      uploadHosts: [`127.0.0.1:${port}`],
      timeoutMs: 500,
    });
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const answers =
    (status: number, body: string, headers: Record<string, string> = {}): Script =>
    (request, response) => {
      request.resume();
      response.writeHead(status, headers).end(body);
    };
  const ok = (data: string) => `{"data":${data},"error":{"code":"ok","message":"","log_id":"1"}}`;

  async function failing(work: Promise<unknown>): Promise<TikTokError> {
    const error = await work.then(
      () => null,
      (thrown) => thrown,
    );
    expect(error).to.be.instanceOf(TikTokError);
    return error;
  }

  it('reads ids beyond 2^53 whole, in either spelling, as a list or alone', async () => {
    script = answers(
      200,
      ok(
        '{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":[7391234567890123457],"uploaded_bytes":5}',
      ),
    );
    expect(await tiktok.status('t', 'p', { signal })).to.deep.equal({
      status: 'PUBLISH_COMPLETE',
      fail_reason: null,
      post_ids: ['7391234567890123457'],
      uploaded_bytes: 5,
    });
    script = answers(
      200,
      ok('{"status":"PUBLISH_COMPLETE","publicly_available_post_id":7391234567890123457}'),
    );
    expect((await tiktok.status('t', 'p', { signal })).post_ids).to.deep.equal([
      '7391234567890123457',
    ]);
  });

  it('takes what is no id for none, and a post for no less made', async () => {
    for (const [said, ids] of [
      ['[]', []],
      ['{}', []],
      ['""', []],
      ['0', []],
      ['null', []],
      ['7391234567890123457', ['7391234567890123457']],
    ] as const) {
      script = answers(
        200,
        ok(`{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":${said}}`),
      );
      const answer = await tiktok.status('t', 'p', { signal });
      expect(answer, said).to.deep.include({ status: 'PUBLISH_COMPLETE', post_ids: [...ids] });
    }
  });

  it('decides by error.code, whatever the HTTP status says', async () => {
    script = answers(
      200,
      '{"data":{},"error":{"code":"spam_risk_too_many_posts","message":"","log_id":"9"}}',
    );
    expect(await tiktok.creatorInfo('t', { signal })).to.deep.equal({
      can_post: false,
      reason: 'spam_risk_too_many_posts',
    });
    script = answers(
      200,
      '{"data":{},"error":{"code":"invalid_param","message":"bad","logid":"9"}}',
    );
    expect(await failing(tiktok.status('t', 'p', { signal }))).to.include({
      kind: 'refused',
      code: 'invalid_params',
      logId: '9',
      tiktokMessage: 'bad',
    });
  });

  it('takes an OAuth error with HTTP 200 for the refusal it is', async () => {
    script = answers(
      200,
      '{"error":"invalid_grant","error_description":"Refresh token is invalid.","log_id":"1"}',
    );
    expect(await failing(tiktok.refresh('rft.secret', { signal }))).to.include({
      kind: 'refused',
      code: 'invalid_grant',
    });
  });

  it('calls HTML, 5xx, a cut line and silence no answer', async () => {
    for (const each of [
      answers(502, '<html>502</html>'),
      answers(500, '{"data":{},"error":{"code":"internal_error","message":"","log_id":"1"}}'),
      (request: IncomingMessage) => request.socket.destroy(),
      () => {},
    ]) {
      script = each;
      expect((await failing(tiktok.status('t', 'p', { signal }))).kind).to.equal('no_answer');
    }
  });

  it('follows no redirect', async () => {
    script = answers(302, '', { location: `${url}/elsewhere` });
    const before = requests.length;
    await failing(tiktok.status('t', 'p', { signal }));
    expect(requests.length).to.equal(before + 1);
  });

  it('stops when it is told to', async () => {
    script = () => {};
    const stop = new AbortController();
    const asked = failing(tiktok.status('t', 'p', { signal: stop.signal }));
    stop.abort();
    expect((await asked).kind).to.equal('aborted');
  });

  it('names no token and no address in an error', async () => {
    script = answers(
      401,
      '{"data":{},"error":{"code":"access_token_invalid","message":"x","log_id":"1"}}',
    );
    const error = await failing(tiktok.status('act.secret', 'p', { signal }));
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.to.match(
      /act\.secret|127\.0\.0\.1:\d+\/v2/,
    );
  });

  it('sends creator_info without a body, and asks user info for granted fields alone', async () => {
    script = answers(200, ok('{"privacy_level_options":["SELF_ONLY"]}'));
    await tiktok.creatorInfo('t', { signal });
    expect(requests.at(-1)?.headers['content-length'] ?? '0').to.equal('0');
    script = answers(200, ok('{"user":{"open_id":"o"}}'));
    await tiktok.userInfo('t', ['user.info.basic'], { signal });
    expect(requests.at(-1)?.url).to.not.contain('username');
  });

  describe('sending a chunk', () => {
    const chunk = (path = '/upload') => ({
      uploadUrl: `${url}${path}`,
      body: async () => Readable.from([Buffer.alloc(10)]),
      first: 0,
      last: 9,
      total: 20,
      contentType: 'video/mp4',
      signal,
    });
    for (const [status, headers, expected] of [
      [206, {}, { result: 'more', receivedBytes: null }],
      [200, {}, { result: 'more', receivedBytes: null }],
      [201, {}, { result: 'more', receivedBytes: null }],
      [416, { 'content-range': 'bytes 0-15/20' }, { result: 'behind', receivedBytes: 15 }],
      [403, {}, { result: 'expired', receivedBytes: null }],
      [404, {}, { result: 'unknown', receivedBytes: null }],
    ] as const) {
      it(`reads ${status} as ${expected.result}`, async () => {
        script = answers(status, '', headers);
        expect(await tiktok.uploadChunk(chunk())).to.deep.equal(expected);
      });
    }

    it('knows the end by the last byte, whether it is answered by 201, 200 or 206', async () => {
      for (const [status, result] of [
        [201, 'done'],
        [200, 'done'],
        [206, 'more'],
      ] as const) {
        script = answers(status, '');
        const last = { ...chunk(), first: 10, last: 19 };
        expect((await tiktok.uploadChunk(last)).result).to.equal(result);
      }
    });

    it('takes 400 for a refusal and 5xx for no answer', async () => {
      script = answers(400, '');
      expect((await failing(tiktok.uploadChunk(chunk()))).kind).to.equal('refused');
      script = answers(503, '<html>');
      expect((await failing(tiktok.uploadChunk(chunk()))).kind).to.equal('no_answer');
    });

    it('reads an answer that comes before the body is through', async () => {
      script = (_request, response) =>
        response
          .writeHead(416, { 'content-range': 'bytes 0-0/9000000', connection: 'close' })
          .end();
      const body = async () =>
        Readable.from(
          (function* () {
            for (let n = 0; n < 90; n += 1) yield Buffer.alloc(100_000);
          })(),
        );
      const answer = await tiktok
        .uploadChunk({ ...chunk(), body, last: 8_999_999, total: 9_000_000 })
        .catch((error) => error.kind);
      // Where the line broke before the answer was read, the same chunk is sent again.
      if (answer !== 'no_answer')
        expect(answer).to.deep.equal({ result: 'behind', receivedBytes: 0 });
    });
  });

  describe('the upload hosts', () => {
    const allowed = ['*.tiktokapis.com', '127.0.0.1:3900', 'uploads.example:8443'];
    for (const good of [
      'https://open-upload.tiktokapis.com/video/?a=b',
      'https://a.b.tiktokapis.com/',
      'http://127.0.0.1:3900/upload',
      'https://uploads.example:8443/x',
    ]) {
      it(`take ${good}`, () =>
        expect(assertUploadHost(good, allowed).href).to.equal(new URL(good).href));
    }
    for (const bad of [
      'http://open-upload.tiktokapis.com/',
      'https://tiktokapis.com/',
      'https://tiktokapis.com.evil.example/',
      'https://eviltiktokapis.com/',
      'https://open-upload.tiktokapis.com:8443/',
      'https://user:pass@open-upload.tiktokapis.com/',
      'http://127.0.0.1:3901/',
      'https://127.0.0.1/',
      'http://uploads.example:8443/',
      'file:///etc/passwd',
      'ftp://x.tiktokapis.com/',
      'nonsense',
      'https://uploads.example/',
    ]) {
      it(`refuse ${bad}`, () => expect(() => assertUploadHost(bad, allowed)).to.throw(TikTokError));
    }
  });

  it('makes PKCE challenges as TikTok does: lowercase hex', () => {
    expect(pkceChallenge('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).to.equal(
      '13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3',
    );
    expect(newVerifier()).to.match(/^[A-Za-z0-9\-._~]{43,128}$/);
  });

  it('always shows the consent page, and lists scopes by commas', () => {
    const asked = new URL(
      tiktok.authorizeUrl({ state: 's', scopes: ['a', 'b'], redirect_uri: 'https://x/cb' }),
    );
    expect(Object.fromEntries(asked.searchParams)).to.deep.equal({
      client_key: 'key',
      scope: 'a,b',
      response_type: 'code',
      redirect_uri: 'https://x/cb',
      state: 's',
      disable_auto_auth: '1',
    });
  });

  it('has words for every refusal, and for those that nobody knows yet', () => {
    for (const code of [...KNOWN_REFUSALS, 'brand_new_code'])
      expect(findRefusal(code).sentence).to.match(/^[A-Z“].*\.$/);
    for (const code of [
      'invalid_params',
      'app_version_check_failed',
      'spam_risk_too_many_pending_share',
      'reached_active_user_cap',
      'url_ownership_unverified',
      'duration_check_failed',
      'video_pull_failed',
      'publish_cancelled',
      'auth_removed',
      'spam_risk',
    ]) {
      expect(KNOWN_REFUSALS).to.include(code);
    }
  });
});
