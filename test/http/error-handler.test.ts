// Shows how whatever is thrown in a request is answered and logged.
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { Problem } from '../../src/base/errors.ts';
import type { Json } from '../support/appliance.ts';
import { aBareContext, type Served, serve } from '../support/served.ts';

describe('an error in a request', () => {
  let served: Served;
  let thrown: unknown;
  const lines: string[] = [];
  before(async () => {
    served = await serve(aBareContext(lines), (router) => {
      router.post('/v1/things/:id', () => {
        throw thrown;
      });
      router.post('/things', () => {
        throw thrown;
      });
      router.post('/api/own', (koa) => {
        koa.state['problem_body'] = ({ code }: Problem) => ({ ok: false, error: code });
        throw thrown;
      });
    });
  });
  after(() => served?.[Symbol.asyncDispose]());
  beforeEach(() => {
    lines.length = 0;
  });

  async function ask(error: unknown, path = '/v1/things/5', headers: Record<string, string> = {}) {
    thrown = error;
    const answer = await fetch(`${served.url}${path}`, { method: 'POST', headers });
    const text = await answer.text();
    const json: Json = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: answer.status, headers: answer.headers, text, json };
  }

  it('is answered as problem+json, with all that it says and the id of the request', async () => {
    const retryAt = new Date(Date.now() + 90_000);
    const tiktok = { code: 'spam', message: 'No', log_id: null };
    const answer = await ask(
      new Problem('too_soon', 'Wait.', {
        retry_at: retryAt,
        tiktok,
        job_id: 'j',
        headers: { A: 'b' },
      }),
      '/v1/things/5',
      { 'x-request-id': 'mine.1' },
    );
    expect(answer.headers.get('content-type')).to.contain('application/problem+json');
    expect(answer.json).to.deep.equal({
      ...{ type: 'http://pm3k.example/docs/errors#too_soon', status: 429, code: 'too_soon' },
      ...{ title: 'Too soon after another post', detail: 'Wait.', tiktok, job_id: 'j' },
      ...{ retry_at: retryAt.toISOString(), request_id: 'mine.1' },
    });
    expect(Number(answer.headers.get('retry-after'))).to.be.within(88, 90);
    expect(answer.headers.get('a')).to.equal('b');
    expect(answer.headers.get('x-request-id')).to.equal('mine.1');
    const made = await ask(new Problem('forbidden', 'No.'), '/v1/things/5', {
      'x-request-id': 'no id at all',
    });
    expect(made.json['request_id']).to.match(/^[0-9a-f-]{36}$/);
  });

  it('is a page for people, and another service’s form where a route has one', async () => {
    const accept = { accept: 'text/html' };
    const refusal = new Problem('forbidden', 'No.');
    expect((await ask(refusal, '/things', accept)).text).to.equal('<h1>forbidden</h1>');
    const program = { accept: 'application/json' };
    expect((await ask(refusal, '/things', program)).json['code']).to.equal('forbidden');
    expect((await ask(refusal, '/v1/things/5', accept)).json['code']).to.equal('forbidden');
    expect((await ask(refusal, '/api/own')).text).to.equal('{"ok":false,"error":"forbidden"}');
  });

  for (const [name, error, status, code] of [
    ['a body that is too large', { status: 413 }, 413, 'too_large'],
    ['another content type', { status: 415 }, 415, 'unsupported_media_type'],
    ['a file that is not there', { status: 404 }, 404, 'not_found'],
    ['a body that cannot be read', { status: 400 }, 400, 'invalid_request'],
    ['a body that is no gzip', { code: 'Z_DATA_ERROR' }, 400, 'invalid_request'],
    ['a body that is no brotli', { code: 'ERR__ERROR_FORMAT_PADDING_1' }, 400, 'invalid_request'],
    ['a text with NUL', { code: '22021' }, 400, 'invalid_request'],
    ['JSON with NUL', { code: '22P05' }, 400, 'invalid_request'],
    ['a cut line', { code: 'ECONNRESET' }, 503, 'unavailable'],
    ['a database that refuses', { code: 'ECONNREFUSED' }, 503, 'unavailable'],
    ['a database that shuts down', { code: '57P01' }, 503, 'unavailable'],
    ['a database with no room', { code: '53300' }, 503, 'unavailable'],
    ['a pool without a connection', { name: 'KnexTimeoutError' }, 503, 'unavailable'],
  ] as const) {
    it(`is ${code} for ${name}, and no fault of ours`, async () => {
      const answer = await ask(Object.assign(new Error('the words of a library'), error));
      expect(answer.json['code']).to.equal(code);
      expect(answer.status).to.equal(status);
      expect(answer.text).not.to.contain('the words of a library');
      expect(lines).to.deep.equal([]);
    });
  }

  it('is internal_error for all else, logged by the route’s pattern, and tells nothing', async () => {
    for (const error of [new Error('secret words'), null, { code: '23505' }]) {
      const answer = await ask(error, '/v1/things/secret-id', { 'x-request-id': 'maria' });
      expect([answer.status, answer.json['code']]).to.deep.equal([500, 'internal_error']);
      expect(answer.text).not.to.contain('secret');
    }
    expect(lines).to.have.length(3);
    for (const line of lines) {
      expect(JSON.parse(line)).to.include({
        ...{ event: 'request.fault', route: '/v1/things/:id', request_id: 'given' },
      });
    }
  });

  it('says where a request is not valid, be it the whole', async () => {
    const errors = [{ pointer: '/a', message: 'No.' }];
    const at = await ask(new Problem('invalid_request', 'No.', { errors }));
    expect(at.json['errors']).to.deep.equal(errors);
    const whole = await ask(new Problem('invalid_request', 'Not JSON.'));
    expect(whole.json['errors']).to.deep.equal([{ pointer: '', message: 'Not JSON.' }]);
    expect((await ask(new Problem('forbidden', 'No.'))).json).not.to.have.property('errors');
  });

  it('is not_found and method_not_allowed where no route is', async () => {
    const nothing = await fetch(`${served.url}/v1/nothing`);
    expect([nothing.status, ((await nothing.json()) as Json)['code']]).to.deep.equal([
      ...[404, 'not_found'],
    ]);
    const refused = await fetch(`${served.url}/v1/things/5`);
    expect([refused.status, ((await refused.json()) as Json)['code']]).to.deep.equal([
      ...[405, 'method_not_allowed'],
    ]);
    expect(refused.headers.get('allow')).to.equal('POST');
  });

  it('ends the connection when the body was not read whole', async () => {
    const closing = new Promise<unknown>((done) => {
      served.server.once('request', (_request, response: ServerResponse) => {
        response.once('finish', () => done(response.getHeader('connection')));
      });
    });
    thrown = new Problem('too_large', 'No.');
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
    });
    const request = { method: 'POST', body, duplex: 'half' } as RequestInit;
    await fetch(`${served.url}/v1/things/5`, request).catch(() => {});
    expect(await closing).to.equal('close');
  });
});
