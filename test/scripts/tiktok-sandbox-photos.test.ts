// Shows that the sandbox takes photos as TikTok does.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { createTikTok } from '../../src/tiktok/client.ts';
import { jpeg, picture } from '../support/photos.ts';

const SETTINGS = {
  ...{ privacy_level: 'SELF_ONLY' as const, allow_comment: true, allow_duet: false },
  ...{ allow_stitch: false, brand_organic: false, brand_content: false, is_aigc: false },
  ...{ cover_timestamp_ms: 0, auto_add_music: true },
};
const POST = { title: 'T', description: 'D', settings: SETTINGS, photo_cover_index: 0 };
const { signal } = new AbortController();

describe('the sandbox, of photos,', () => {
  let sandbox: Sandbox;
  let server: Server;
  let serve: RequestListener;
  let address: string;
  before(async () => {
    sandbox = await startSandbox();
    Object.assign(sandbox.state.settings, { processing_ms: 0, allow_insecure_pull: true });
    const openId = sandbox.state.accounts[0]?.open_id ?? '';
    sandbox.state.grants.push({
      ...{ open_id: openId, client_key: 'sbsandbox', scopes: ['video.publish', 'video.upload'] },
      ...{ access_token: 'act', access_expires_at: Date.now() + 3600_000 },
      ...{ refresh_token: 'rft', refresh_expires_at: Date.now() + 3600_000 },
      used_refresh_tokens: [],
    });
    server = createServer((request, answer) => serve(request, answer));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    await sandbox.close();
  });
  beforeEach(() => {
    sandbox.state.calls = [];
    sandbox.state.findings = [];
  });

  let number = 0;
  /** Calls init as a client does, and returns how the post ended. */
  async function posted(destination: 'direct' | 'inbox' = 'direct') {
    number += 1;
    const tiktok = createTikTok({
      ...{ clientKey: 'sbsandbox', clientSecret: 'sandbox-secret', uploadHosts: [] },
      ...{ authorizeUrl: `${sandbox.url}/`, apiUrl: sandbox.url },
    });
    const photoImages = [`${address}/${number}`];
    const id = await tiktok.initPhotos(
      'act',
      { ...POST, destination, photo_images: photoImages },
      { signal },
    );
    for (;;) {
      const post = sandbox.state.publishes.find((each) => each.publish_id === id);
      if (post?.finished_at) return post;
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  /** Answers as TikTok wants it: exactly the range, not compressed. */
  const proper =
    (bytes: Buffer): RequestListener =>
    (request, answer) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      const end = Math.min(Number(to), bytes.length - 1);
      answer.writeHead(206, { 'content-range': `bytes ${from}-${end}/${bytes.length}` });
      answer.end(bytes.subarray(Number(from), end + 1));
    };
  const rules = () => sandbox.state.findings.map(({ rule }) => rule);

  it('pulls in ranges, and takes what conforms', async () => {
    serve = proper(await jpeg());
    expect(await posted()).to.include({ status: 'PUBLISH_COMPLETE', fail_reason: null });
    serve = proper(await picture().webp().toBuffer());
    expect((await posted('inbox')).status).to.equal('SEND_TO_USER_INBOX');
    expect(rules()).to.deep.equal(['creator_info_not_asked']);
  });

  it('fails a post with one photo that does not conform', async () => {
    const bad: [Buffer, string][] = [
      [await picture().png().toBuffer(), 'file_format_check_failed'],
      [await picture().jpeg({ progressive: true }).toBuffer(), 'file_format_check_failed'],
      [Buffer.from('no photo at all'), 'file_format_check_failed'],
      [await jpeg({ width: 1086, height: 1448 }), 'picture_size_check_failed'],
      [await jpeg({ width: 600, height: 1921 }), 'picture_size_check_failed'],
      [await jpeg({ width: 320, height: 320 }), 'picture_size_check_failed'],
    ];
    for (const [bytes, reason] of bad) {
      sandbox.state.calls = [];
      serve = proper(bytes);
      expect((await posted()).fail_reason).to.equal(reason);
    }
  });

  it('fails to pull what redirects, is packed, or does not keep to the range', async () => {
    const bytes = await jpeg();
    const refused: [string, RequestListener, string?][] = [
      [
        'redirects',
        (_, answer) => answer.writeHead(302, { location: '/other' }).end(),
        'photo_redirect',
      ],
      ['ignores the range', (_, answer) => answer.end(bytes), 'photo_range_ignored'],
      [
        'is packed',
        (_, answer) => {
          const range = `bytes 0-1023/${bytes.length}`;
          answer.writeHead(206, { 'content-encoding': 'gzip', 'content-range': range });
          answer.end(gzipSync(bytes.subarray(0, 1024)));
        },
      ],
      [
        'answers another range',
        (_, answer) => {
          answer.writeHead(206, { 'content-range': `bytes 1-1024/${bytes.length}` });
          answer.end(bytes.subarray(1, 1025));
        },
      ],
      ['is not there', (_, answer) => answer.writeHead(404).end()],
    ];
    for (const [name, listener, rule] of refused) {
      sandbox.state.calls = [];
      serve = listener;
      expect((await posted()).fail_reason, name).to.equal('photo_pull_failed');
      if (rule) expect(rules()).to.include(rule);
    }
  });

  it('notes an address that was used before, and what is of no use to the inbox', async () => {
    serve = proper(await jpeg());
    await posted();
    number -= 1;
    await posted();
    expect(rules()).to.include('photo_url_reused').and.to.include('duplicate_post');
    const body = {
      ...{ media_type: 'PHOTO', post_mode: 'MEDIA_UPLOAD', is_aigc: true },
      post_info: { title: 'T', privacy_level: 'SELF_ONLY' },
      source_info: {
        ...{ source: 'PULL_FROM_URL', photo_cover_index: 0, photo_images: [`${address}/inbox`] },
      },
    };
    await fetch(`${sandbox.url}/v2/post/publish/content/init/`, {
      method: 'POST',
      headers: { authorization: 'Bearer act', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const useless = sandbox.state.findings.filter(({ rule }) => rule === 'direct_field_on_inbox');
    expect(useless.map(({ detail }) => detail)).to.have.members(['privacy_level', 'is_aigc']);
  });
});
