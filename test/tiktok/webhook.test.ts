import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { parseWebhook, signedAt } from '../../src/tiktok/webhook.ts';

const SECRET = 'test_client_secret';
const BODY = Buffer.from(
  '{"client_key":"sbaw_example","event":"post.publish.complete","create_time":1633174587,"user_openid":"-000example","content":"{\\"publish_id\\":\\"v_pub_file~v2-1.123\\",\\"publish_type\\":\\"DIRECT_PUBLISH\\"}"}',
);
const SIGNATURE = '8fc973e996befe3ce355f0284617edc74fbe9459f95b02bc45f500de4c51dca8';

const event = (more: Record<string, unknown>, content: unknown = {}) =>
  parseWebhook(
    JSON.stringify({
      ...{ client_key: 'key', event: 'authorization.removed', create_time: 1_700_000_000 },
      ...{ user_openid: '-000a', content: JSON.stringify(content) },
      ...more,
    }),
  );

describe('a signature of TikTok', () => {
  const seconds = (header: string, body = BODY, secret = SECRET) =>
    signedAt(header, body, secret)?.getTime();

  it('is the one of the known example', () => {
    expect(seconds(`t=1633174587,s=${SIGNATURE}`)).to.equal(1_633_174_587_000);
  });

  it('may have its fields in another order, spaces, and capital hex', () => {
    expect(seconds(`s=${SIGNATURE.toUpperCase()}, t=1633174587`)).to.equal(1_633_174_587_000);
  });

  it('is refused for another body, time or secret', () => {
    const header = `t=1633174587,s=${SIGNATURE}`;
    expect(seconds(header, Buffer.concat([BODY, Buffer.from(' ')]))).to.equal(undefined);
    expect(seconds(`t=1633174588,s=${SIGNATURE}`)).to.equal(undefined);
    expect(seconds(header, BODY, 'another')).to.equal(undefined);
  });

  it('is refused when it is absent, cut or strange', () => {
    const signed = (t: string) => createHmac('sha256', SECRET).update(`${t}.`).update(BODY);
    for (const header of [
      '',
      's=',
      't=1633174587',
      `t=,s=${signed('').digest('hex')}`,
      `t=soon,s=${signed('soon').digest('hex')}`,
      `t=1633174587,s=${SIGNATURE.slice(1)}`,
      `t=1633174587,s=${SIGNATURE}0`,
      `t=1633174587,s=${'é'.repeat(64)}`,
    ]) {
      expect(seconds(header), header).to.equal(undefined);
    }
  });
});

describe('an event of TikTok', () => {
  it('tells who took the permission back, why and when', () => {
    expect(event({}, { reason: 4 })).to.deep.equal({
      ...{ client_key: 'key', open_id: '-000a', created_at: new Date(1_700_000_000_000) },
      ...{ kind: 'authorization_removed', reason: 4 },
    });
  });

  it('still tells that the permission is gone when the reason cannot be read', () => {
    for (const content of [{}, { reason: 'banned' }, { reason: null }, [], 7, null]) {
      expect(event({}, content), JSON.stringify(content)).to.include({
        kind: 'authorization_removed',
        reason: 0,
      });
    }
    expect(event({ content: '{"reason":' })).to.include({ reason: 0 });
    expect(event({}, { reason: '2' })).to.include({ reason: 2 });
  });

  it('keeps ids beyond 2^53, as numbers or strings', () => {
    const raw = (id: string) =>
      parseWebhook(
        `{"client_key":"k","event":"post.publish.complete","create_time":1,"user_openid":"o","content":"{\\"publish_id\\":${id}}"}`,
      );
    for (const id of ['7123456789012345679', '\\"7123456789012345679\\"']) {
      expect(raw(id)).to.include({ kind: 'post_changed', publish_id: '7123456789012345679' });
    }
  });

  it('that is not known is another one, whatever its content', () => {
    for (const name of ['video.upload.failed', 'portability.download.ready', 'post.publish.new']) {
      expect(event({ event: name, content: 'no JSON' })).to.include({ kind: 'other' });
    }
  });

  it('is none without its fields', () => {
    for (const body of ['', 'no JSON', '[]', 'null', '"text"', '{}']) {
      expect(parseWebhook(body), body).to.equal(null);
    }
    for (const name of ['client_key', 'event', 'create_time', 'user_openid']) {
      expect(event({ [name]: undefined }), name).to.equal(null);
      expect(event({ [name]: { a: 1 } }), name).to.equal(null);
    }
    for (const createTime of [-1, 1.5, 'soon', 1e300]) {
      expect(event({ create_time: createTime }), String(createTime)).to.equal(null);
    }
  });
});
