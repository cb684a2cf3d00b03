import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Client, type Json, ROOT } from '../support/appliance.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

const DEFAULTS = { default_destination: 'direct', default_privacy_level: 'PUBLIC_TO_EVERYONE' };

describe('the hosted service’s API', () => {
  let app: SharedAppliance;
  before(async () => {
    app = await sharedAppliance();
  });

  async function flow(name: string, defaults: Record<string, string> | null = DEFAULTS) {
    const client = await app.creator(`flow.${name}`);
    if (defaults) await client.form('/settings', defaults);
    const { json: media } = await client.upload(await video());
    const post = (more: Json = {}, headers = {}) =>
      client.api(
        'POST',
        '/api/tiktok/direct_post',
        { source_url: media['url'], title: 'From a flow #tag', ...more },
        headers,
      );
    return { client, media, post };
  }

  const status = (client: Client, publishId: string) =>
    client.api('POST', '/api/tiktok/status', { publish_id: publishId });

  it('posts with the saved defaults, and tells how it stands', async () => {
    const { client, post } = await flow('flows');
    const answer = await post();
    expect(answer.text).to.contain('"ok":true');
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('content-type')).to.equal('application/json; charset=UTF-8');
    const { publish_id } = answer.json as { publish_id: string };
    expect(answer.json['status']).to.be.oneOf(['running', 'finished']);
    const job = await client.ended(publish_id);
    expect(job).to.include({ status: 'finished', title: 'From a flow #tag' });
    const told = await status(client, publish_id);
    expect(told.headers.get('content-type')).to.equal('application/json; charset=UTF-8');
    expect(told.json).to.deep.equal({
      ...{ ok: true, publish_id, status: 'finished', error: null, post_ids: job['post_ids'] },
    });
    const [postId] = job['post_ids'];
    expect(postId).to.match(/^\d{19}$/);
  });

  it('asks for defaults where none are saved', async () => {
    const { post } = await flow('no.choice', null);
    const { status: code, json } = await post();
    expect(code).to.equal(400);
    expect(json).to.include({ ok: false, error: 'posting_defaults_missing' });
    expect(json['message']).to.contain('Settings');
  });

  it('refuses in its own form and names', async () => {
    const { client, post } = await flow('refused');
    for (const [body, code, error] of [
      [{ source_url: 'http://example.com/a.mp4' }, 422, 'url_not_allowed'],
      [{ source_url: 'https://example.com/a.mp4' }, 403, 'domain_not_verified'],
      [{ source_url: 'nonsense' }, 422, 'url_not_allowed'],
      [{ source_url: `${app.url}/media/ofSomebodyElse1234567890` }, 400, 'invalid_request'],
      [{ title: 'x'.repeat(2201) }, 400, 'invalid_request'],
      [{ colour: 'blue' }, 400, 'invalid_request'],
    ] as const) {
      const answer = await post(body);
      expect(answer.json, JSON.stringify(body)).to.include({ ok: false, error });
      expect(answer.status, JSON.stringify(body)).to.equal(code);
      expect(answer.json['message']).to.be.a('string');
    }
    for (const path of ['/api/tiktok/direct_post', '/api/tiktok/status']) {
      const headers = { authorization: 'Bearer pm3k_nobody' };
      const { status: code, json } = await client.api('POST', path, {}, headers);
      expect(code).to.equal(401);
      expect(json).to.include({ ok: false, error: 'unauthorized' });
    }
    const broken = await client.api('POST', '/api/tiktok/direct_post', '{"source_url":');
    expect(broken.status).to.equal(400);
    expect(broken.json).to.include({ ok: false, error: 'invalid_request' });
    const asked = await client.api('GET', '/api/tiktok/status');
    expect(asked.headers.get('allow')).to.equal('POST');
    expect(asked.json).to.include({ ok: false, error: 'method_not_allowed' });
    const unknown = await client.api('POST', '/api/tiktok/upload', {});
    expect([unknown.status, unknown.json['error']]).to.deep.equal([404, 'not_found']);
    const other = await app.creator('flow.another');
    const { json: mine } = await post();
    const foreign = await status(other, mine['publish_id']);
    expect([foreign.status, foreign.json['error']]).to.deep.equal([404, 'not_found']);
  });

  it('answers with the fault of a file within the request', async () => {
    const { client, post } = await flow('short');
    const { json: media } = await client.upload(await video({ seconds: 0.4 }));
    const { status: code, json } = await post({ source_url: media['url'] });
    expect(code).to.equal(422);
    expect(json).to.include({ ok: false, error: 'media_rejected' });
    expect(json['message']).to.contain('at least 1 second');
  });

  it('names the first post of the same media, unless it may be posted again', async () => {
    const { post } = await flow('again');
    const { json: first } = await post();
    const second = await post();
    expect(second.status).to.equal(409);
    expect(second.json).to.include({
      ...{ ok: false, error: 'duplicate_media', publish_id: first['publish_id'] },
    });
    expect((await post({ allow_duplicate: true })).json['ok']).to.equal(true);
  });

  it('makes one post of one Idempotency-Key, and tells TikTok’s refusal as tiktok_error', async () => {
    const { client, post } = await flow('retries');
    const headers = { 'idempotency-key': 'flow-1' };
    const [first, second] = [await post({}, headers), await post({}, headers)];
    expect(second.json['publish_id']).to.equal(first.json['publish_id']);
    await client.ended(first.json['publish_id']);
    const openId = app.sandbox.state.accounts.find(
      ({ username }) => username === 'flow.retries',
    )?.open_id;
    app.sandbox.state.faults.push({
      ...{ endpoint: 'processing', kind: 'fail:spam_risk_text', count: 1 },
      ...(openId ? { open_id: openId } : {}),
    });
    const { json } = await post({ allow_duplicate: true });
    await client.ended(json['publish_id']);
    const told = await status(client, json['publish_id']);
    expect(told.json).to.include({ ok: true, status: 'failed', error: 'tiktok_error' });
    expect(told.json['message']).to.be.a('string');
  });

  it('runs the README’s flow for n8n with base URL and key changed', async () => {
    const { client, media } = await flow('n8n');
    const nodes = readmeFlow({ 'https://pm3k.org': app.url, YOUR_KEY: client.key });
    const answers: Record<string, Json> = { Video: { url: media['url'], caption: 'By n8n' } };
    for (const { name, parameters } of nodes) {
      if (!parameters['url']) continue;
      const body = evaluated(parameters['jsonBody'], answers);
      for (;;) {
        const answer = await fetch(parameters['url'], {
          method: parameters['method'],
          headers: Object.fromEntries(
            parameters['headerParameters'].parameters.map((each: Json) => [
              each['name'],
              each['value'],
            ]),
          ),
          body,
        });
        answers[name] = (await answer.json()) as Json;
        expect(answers[name], name).to.include({ ok: true });
        if (name === 'Post' || answers[name]['status'] !== 'running') break;
        await sleep(200);
      }
    }
    expect(answers['Status']).to.include({ status: 'finished', error: null });
    expect(
      await client.api('GET', `/v1/jobs/${answers['Post']?.['publish_id']}`),
    ).to.have.nested.property('json.title', 'By n8n');
  });
});

/** The HTTP nodes of the workflow that the README shows, with what a person changes about it. */
function readmeFlow(changes: Record<string, string>): Json[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  let text = /<!-- n8n -->\s*```json\n(.*?)```/s.exec(readme)?.[1] ?? '';
  for (const [from, to] of Object.entries(changes)) text = text.replaceAll(from, to);
  return JSON.parse(text).nodes;
}

/** n8n's expressions as far as the flow uses them: `={… {{ JSON.stringify($('Node').item.json.field) }} …}`. */
function evaluated(expression: string, answers: Record<string, Json>): string {
  return expression
    .replace(/^=/, '')
    .replaceAll(
      /\{\{ JSON\.stringify\(\$\('(\w+)'\)\.item\.json\.(\w+)\) \}\}/g,
      (_, node, field) => JSON.stringify(answers[node]?.[field]),
    );
}
