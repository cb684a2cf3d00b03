// Shows that the sandbox refuses what TikTok refuses.
import { expect } from 'chai';
import { checkChunks } from '../../scripts/tiktok-sandbox/bodies.ts';
import { isRegistered } from '../../scripts/tiktok-sandbox/consent.ts';
import {
  assertNotPublic,
  type Sandbox,
  startSandbox,
} from '../../scripts/tiktok-sandbox/sandbox.ts';
import { signature } from '../../scripts/tiktok-sandbox/webhooks.ts';
import { createTikTok } from '../../src/tiktok/client.ts';
import { newVerifier, pkceChallenge } from '../../src/tiktok/oauth.ts';
import { paddedVideo, video } from '../support/videos.ts';

const REDIRECT = 'http://localhost:4000/auth/tiktok/callback';
const { signal } = new AbortController();

describe('the sandbox', () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
    sandbox.state.settings.caps = false;
    sandbox.state.settings.processing_ms = 0;
  });
  after(() => sandbox.close());
  beforeEach(() => {
    sandbox.state.calls = [];
  });

  const authorize = (more: Record<string, string> = {}) => {
    const query = new URLSearchParams({
      client_key: 'sbsandbox',
      scope: 'user.info.basic,video.publish,video.upload',
      response_type: 'code',
      redirect_uri: REDIRECT,
      state: 's',
      code_challenge: 'c',
      code_challenge_method: 'S256',
      ...more,
    });
    return fetch(`${sandbox.url}/v2/auth/authorize/?${query}`, { redirect: 'manual' });
  };
  const token = (fields: Record<string, string>, type = 'application/x-www-form-urlencoded') =>
    fetch(`${sandbox.url}/v2/oauth/token/`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: new URLSearchParams({
        client_key: 'sbsandbox',
        client_secret: 'sandbox-secret',
        ...fields,
      }).toString(),
    }).then((answer) => answer.json() as Promise<Record<string, string>>);

  async function code(challenge: string, account = 'sample'): Promise<string> {
    const query = new URLSearchParams({
      client_key: 'sbsandbox',
      scope: 'user.info.basic,video.publish,video.upload',
      response_type: 'code',
      redirect_uri: REDIRECT,
      state: 's',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
    const body = new URLSearchParams([
      ['query', query.toString()],
      ['account', account],
      ['decision', 'allow'],
      ['scope', 'video.publish'],
      ['scope', 'video.upload'],
    ]);
    const answer = await fetch(`${sandbox.url}/v2/auth/authorize/`, {
      method: 'POST',
      body,
      redirect: 'manual',
    });
    return new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? '';
  }

  async function access(account = 'sample'): Promise<string> {
    const codeVerifier = newVerifier();
    const json = await token({
      grant_type: 'authorization_code',
      redirect_uri: REDIRECT,
      code: await code(pkceChallenge(codeVerifier), account),
      code_verifier: codeVerifier,
    });
    return json['access_token'] as string;
  }

  const api = async (
    path: string,
    accessToken: string,
    body: unknown,
    type = 'application/json',
  ) => {
    const answer = await fetch(`${sandbox.url}/v2/post/publish/${path}/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      text,
      code: JSON.parse(text).error.code as string,
      message: JSON.parse(text).error.message as string,
      data: JSON.parse(text).data,
    };
  };
  const postInfo = {
    title: 't',
    privacy_level: 'PUBLIC_TO_EVERYONE',
    brand_content_toggle: false,
    brand_organic_toggle: false,
  };
  const source = (size: number, chunk = size, count = 1) => ({
    source: 'FILE_UPLOAD',
    video_size: size,
    chunk_size: chunk,
    total_chunk_count: count,
  });

  describe('at the consent page', () => {
    for (const [name, change, field] of [
      ['an unknown client', { client_key: 'nobody' }, 'client_key'],
      ['an unregistered redirect', { redirect_uri: 'http://localhost:4000/other' }, 'redirect_uri'],
      ['no state', { state: '' }, 'state'],
      ['another response type', { response_type: 'token' }, 'response_type'],
    ] as const) {
      it(`refuses ${name} on a page that names it`, async () => {
        const answer = await authorize(change);
        expect(answer.status).to.equal(400);
        expect(await answer.text()).to.contain(`<code>${field}</code>`);
      });
    }
    for (const scope of ['video.publish,video.list', 'user.info.basic video.publish', 'nonsense']) {
      it(`refuses the scope "${scope}" as a whole`, async () => {
        expect((await authorize({ scope })).headers.get('location')).to.contain(
          'error=invalid_scope',
        );
      });
    }
    it('compares redirects byte for byte, but for the wildcard port of this machine', () => {
      expect(isRegistered('http://localhost:*/cb', 'http://localhost:99/cb')).to.equal(true);
      for (const bad of [
        'http://localhost/cb',
        'http://localhost:99/cb/',
        'http://localhost:99/cb?x=1',
        'http://evil:99/cb',
        'http://localhost:9/x:9/cb',
      ]) {
        expect(isRegistered('http://localhost:*/cb', bad), bad).to.equal(false);
      }
      expect(isRegistered('https://a.example:*/cb', 'https://a.example:9/cb')).to.equal(false);
    });
    it('gives codes with characters that must be decoded', async () =>
      expect(await code('c')).to.match(/\*1!\d+\.u1$/));
  });

  describe('at the token endpoint', () => {
    it('takes a code once, with hex PKCE', async () => {
      const codeVerifier = newVerifier();
      const given = await code(pkceChallenge(codeVerifier));
      const fields = {
        grant_type: 'authorization_code',
        redirect_uri: REDIRECT,
        code: given,
        code_verifier: codeVerifier,
      };
      expect(await token(fields)).to.include({
        token_type: 'Bearer',
        expires_in: 7200,
        refresh_expires_in: 15_552_000,
      });
      expect((await token(fields))['error']).to.equal('invalid_grant');
    });
    it('refuses a base64url challenge, another redirect, another secret, JSON', async () => {
      const codeVerifier = newVerifier();
      const { createHash } = await import('node:crypto');
      const rfc = createHash('sha256').update(codeVerifier).digest('base64url');
      const fields = {
        grant_type: 'authorization_code',
        redirect_uri: REDIRECT,
        code_verifier: codeVerifier,
      };
      expect((await token({ ...fields, code: await code(rfc) }))['error']).to.equal(
        'invalid_grant',
      );
      expect(
        (
          await token({
            ...fields,
            code: await code(pkceChallenge(codeVerifier)),
            redirect_uri: 'http://localhost:1/auth/tiktok/callback',
          })
        )['error'],
      ).to.equal('invalid_request');
      expect((await token({ ...fields, code: 'x', client_secret: 'wrong' }))['error']).to.equal(
        'invalid_client',
      );
      expect((await token({ ...fields, code: 'x' }, 'application/json'))['error']).to.equal(
        'invalid_request',
      );
      expect((await token({ grant_type: 'password' }))['error']).to.equal('unsupported_grant_type');
    });
    it('rotates both tokens at each refresh, and the old ones are dead', async () => {
      const codeVerifier = newVerifier();
      const first = await token({
        grant_type: 'authorization_code',
        redirect_uri: REDIRECT,
        code: await code(pkceChallenge(codeVerifier)),
        code_verifier: codeVerifier,
      });
      const second = await token({
        grant_type: 'refresh_token',
        refresh_token: first['refresh_token'] as string,
      });
      expect(second['refresh_token']).not.to.equal(first['refresh_token']);
      expect(
        (
          await token({
            grant_type: 'refresh_token',
            refresh_token: first['refresh_token'] as string,
          })
        )['error'],
      ).to.equal('invalid_grant');
      expect(
        (await api('creator_info/query', first['access_token'] as string, undefined)).code,
      ).to.equal('access_token_invalid');
    });
  });

  describe('at init', () => {
    for (const [name, size, chunk, count, message] of [
      [
        'a single chunk of 66,259,900 bytes',
        66_259_900,
        66_259_900,
        1,
        'The chunk size is invalid',
      ],
      [
        'a count that was rounded up',
        65_000_000,
        60_000_000,
        2,
        'The total chunk count is invalid',
      ],
      ['one chunk that is not the size', 15_000_000, 10_000_000, 1, 'The chunk size is invalid'],
      ['chunks below 5 MB', 20_000_000, 4_000_000, 5, 'The chunk size is invalid'],
      ['no bytes', 0, 0, 0, 'The video size is invalid'],
      ['more than 1000 chunks', 4_294_967_296, 4_000_000, 1073, 'The total chunk count is invalid'],
    ] as const) {
      it(`refuses ${name}`, () =>
        expect(() => checkChunks(source(size, chunk, count))).to.throw(message));
    }
    for (const [size, chunk, count] of [
      [50_000_123, 10_000_000, 5],
      [64_000_000, 64_000_000, 1],
      [158_008_374, 5_242_880, 30],
    ] as const) {
      it(`takes ${size} in ${count}`, () =>
        expect(checkChunks(source(size, chunk, count)).total_chunk_count).to.equal(count));
    }
    for (const [name, body, code, status] of [
      ['no post_info', { source_info: source(9) }, 'invalid_params', 400],
      ['no source', { post_info: postInfo }, 'invalid_params', 400],
      [
        'an unknown source',
        { post_info: postInfo, source_info: { ...source(9), source: 'POST' } },
        'invalid_params',
        400,
      ],
      [
        'a caption of 2201',
        { post_info: { ...postInfo, title: 'x'.repeat(2201) }, source_info: source(9) },
        'invalid_params',
        400,
      ],
      [
        'an audience that is not offered',
        {
          post_info: { ...postInfo, privacy_level: 'FOLLOWER_OF_CREATOR' },
          source_info: source(9),
        },
        'privacy_level_option_mismatch',
        403,
      ],
      [
        'no audience',
        { post_info: { ...postInfo, privacy_level: undefined }, source_info: source(9) },
        'privacy_level_option_mismatch',
        403,
      ],
      [
        'a pull from an unverified host',
        {
          post_info: postInfo,
          source_info: { source: 'PULL_FROM_URL', video_url: 'https://x.example/a.mp4' },
        },
        'url_ownership_unverified',
        403,
      ],
    ] as const) {
      it(`refuses ${name} with ${code}`, async () => {
        expect(await api('video/init', await access(), body)).to.include({ code, status });
      });
    }
    it('refuses another content type, a dead token and an unaudited app on a public account', async () => {
      const accessToken = await access();
      expect(
        (
          await api(
            'video/init',
            accessToken,
            { post_info: postInfo, source_info: source(9) },
            'text/plain',
          )
        ).code,
      ).to.equal('invalid_params');
      expect((await api('video/init', 'act.none', {})).status).to.equal(401);
      const [app] = sandbox.state.apps;
      if (app) app.is_audited = false;
      expect(
        (await api('video/init', accessToken, { post_info: postInfo, source_info: source(9) }))
          .code,
      ).to.equal('unaudited_client_can_only_post_to_private_accounts');
      if (app) app.is_audited = true;
    });
    it('lets six through in a minute, and refuses the seventh', async () => {
      const accessToken = await access('sunny');
      const codes = [];
      for (let n = 0; n < 7; n += 1)
        codes.push(
          (await api('video/init', accessToken, { post_info: postInfo, source_info: source(9) }))
            .code,
        );
      expect(codes).to.deep.equal([...Array(6).fill('ok'), 'rate_limit_exceeded']);
    });
    it('refuses creator_info with a body', async () =>
      expect((await api('creator_info/query', await access(), { a: 1 })).code).to.equal(
        'invalid_params',
      ));
    it('refuses photos by upload, of video type, and with a cover that is none', async () => {
      const accessToken = await access();
      const photo = {
        media_type: 'PHOTO',
        post_mode: 'DIRECT_POST',
        post_info: postInfo,
        source_info: {
          source: 'PULL_FROM_URL',
          photo_cover_index: 0,
          photo_images: ['https://x.example/1.jpg'],
        },
      };
      for (const body of [
        { ...photo, source_info: { ...photo.source_info, source: 'FILE_UPLOAD' } },
        { ...photo, media_type: 'VIDEO' },
        { ...photo, source_info: { ...photo.source_info, photo_cover_index: 1 } },
      ]) {
        expect((await api('content/init', accessToken, body)).code).to.equal('invalid_params');
      }
      expect((await api('content/init', accessToken, photo)).code).to.equal(
        'url_ownership_unverified',
      );
    });
    it('keeps the caps, when they are on', async () => {
      sandbox.state.settings.caps = true;
      const [app] = sandbox.state.apps;
      if (app) app.active_user_cap = 0;
      expect(
        (
          await api('video/init', await access('nour.films'), {
            post_info: postInfo,
            source_info: source(9),
          })
        ).code,
      ).to.equal('reached_active_user_cap');
      if (app) app.active_user_cap = 1000;
      sandbox.state.settings.caps = false;
    });
  });

  describe('at upload', () => {
    /** PUTs `bytes` as those from `first` on, of `total`. */
    const put = (
      url: string,
      [first, bytes, total]: [first: number, bytes: Uint8Array<ArrayBuffer>, total: number],
      headers: Record<string, string> = {},
    ) =>
      fetch(url, {
        method: 'PUT',
        body: bytes,
        headers: {
          'content-type': 'video/mp4',
          'content-range': `bytes ${first}-${first + bytes.length - 1}/${total}`,
          ...headers,
        },
      });

    it('answers 206 and 201 in order, 416 out of order, 400 for bad headers, 404 when it is done', async () => {
      const bytes = await paddedVideo(12_000_000);
      const opened = await api('video/init', await access(), {
        post_info: postInfo,
        source_info: source(12_000_000, 6_000_000, 2),
      });
      const { upload_url, publish_id } = opened.data;
      const [first, second] = [bytes.subarray(0, 6_000_000), bytes.subarray(6_000_000)];
      expect((await put(upload_url, [6_000_000, second, 12_000_000])).status).to.equal(416);
      expect(
        (await put(upload_url, [0, first, 12_000_000], { 'content-type': 'text/plain' })).status,
      ).to.equal(400);
      expect((await put(upload_url, [0, first, 11_000_000])).status).to.equal(400);
      const taken = await put(upload_url, [0, first, 12_000_000]);
      expect([taken.status, taken.headers.get('content-range')]).to.deep.equal([
        206,
        'bytes 0-6000000/12000000',
      ]);
      expect((await put(upload_url, [0, first, 12_000_000])).status).to.equal(416);
      expect((await put(upload_url, [6_000_000, second, 12_000_000])).status).to.equal(201);
      expect((await put(upload_url, [6_000_000, second, 12_000_000])).status).to.equal(404);
      await new Promise((done) => setTimeout(done, 1000));
      const status = await api('status/fetch', await access(), { publish_id });
      expect(status.text).to.match(/"publicaly_available_post_id":\[\d{19}\]/);
    });
    it('answers 403 after an hour', async () => {
      const opened = await api('video/init', await access(), {
        post_info: postInfo,
        source_info: source(9),
      });
      // -1, since with 0 the URL would still be valid within the same millisecond.
      sandbox.state.settings.upload_url_seconds = -1;
      const late = await put(opened.data.upload_url, [0, new Uint8Array(9), 9]);
      sandbox.state.settings.upload_url_seconds = 3600;
      expect(late.status).to.equal(403);
    });
    for (const [name, trait, reason] of [
      ['MPEG-4 part 2', { options: ['-c:v', 'mpeg4'] }, 'file_format_check_failed'],
      ['15 frames a second', { rate: '15' }, 'frame_rate_check_failed'],
      ['200 pixels', { size: '200x200' }, 'picture_size_check_failed'],
    ] as const) {
      it(`finds ${name} out while processing`, async () => {
        const bytes = await video({
          ...trait,
          options:
            'options' in trait ? [...trait.options] : ['-c:v', 'libx264', '-pix_fmt', 'yuv420p'],
        });
        const accessToken = await access();
        const opened = await api('video/init', accessToken, {
          post_info: postInfo,
          source_info: source(bytes.length),
        });
        await put(opened.data.upload_url, [0, bytes, bytes.length]);
        await new Promise((done) => setTimeout(done, 800));
        expect(
          (await api('status/fetch', accessToken, { publish_id: opened.data.publish_id })).data,
        ).to.include({ status: 'FAILED', fail_reason: reason });
      });
    }
  });

  it('signs webhooks as TikTok does', () => {
    const body =
      '{"client_key":"sbaw_example","event":"post.publish.complete","create_time":1633174587,"user_openid":"-000example","content":"{\\"publish_id\\":\\"v_pub_file~v2-1.123\\",\\"publish_type\\":\\"DIRECT_PUBLISH\\"}"}';
    expect(signature('test_client_secret', 1_633_174_587, body)).to.equal(
      't=1633174587,s=8fc973e996befe3ce355f0284617edc74fbe9459f95b02bc45f500de4c51dca8',
    );
  });

  it('refuses to run under a public address, or to answer under a public name', async () => {
    for (const bad of ['8.8.8.8', '203.0.113.9', 'sandbox.example.com', '::', '2001:db8::1'])
      expect(() => assertNotPublic(bad), bad).to.throw('private network');
    for (const good of ['127.0.0.1', 'localhost', '10.0.0.4', '192.168.1.2'])
      expect(() => assertNotPublic(good)).not.to.throw();
  });

  it('is spoken to by the client without a violation', async () => {
    const before = sandbox.state.findings.filter((each) => each.kind === 'violation').length;
    const tiktok = createTikTok({
      clientKey: 'sbsandbox',
      clientSecret: 'sandbox-secret',
      authorizeUrl: `${sandbox.url}/v2/auth/authorize/`,
      apiUrl: sandbox.url,
      uploadHosts: [new URL(sandbox.url).host],
    });
    const accessToken = await access();
    await tiktok.creatorInfo(accessToken, { signal });
    await tiktok.userInfo(accessToken, ['user.info.basic'], { signal });
    await tiktok.revoke(accessToken, { signal });
    expect(sandbox.state.findings.filter((each) => each.kind === 'violation').length).to.equal(
      before,
    );
    expect(sandbox.state.revocations).to.have.length(1);
  });
});
