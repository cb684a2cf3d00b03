// Shows which of TikTok’s webhooks are accepted, and what each does.
import { expect } from 'chai';
import pg from 'pg';
import type { Fault } from '../../scripts/tiktok-sandbox/state.ts';
import { signature } from '../../scripts/tiktok-sandbox/webhooks.ts';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

const now = () => Math.floor(Date.now() / 1000);

describe('TikTok’s webhook', () => {
  let app: Appliance;
  let database: pg.Client;
  let number = 0;

  before(async () => {
    app = await anAppliance({ TIKTOK_STATUS_PER_MINUTE: '600' });
    database = new pg.Client({ connectionString: app.database_url });
    await database.connect();
  });
  after(async () => {
    await database.end();
    await app[Symbol.asyncDispose]();
  });

  const rows = async (sql: string, values: unknown[] = []): Promise<Json[]> =>
    (await database.query(sql, values)).rows;
  const openId = (username: string) =>
    app.sandbox.state.accounts.find((each) => each.username === username)?.open_id as string;
  const creatorOf = async (id: string) =>
    (await rows('select * from creators where id = $1', [id]))[0] as Json;

  async function aPerson(): Promise<{ username: string; open_id: string; client: Client }> {
    number += 1;
    const username = `webhook${number}`;
    const client = await app.creator(username);
    return { username, open_id: openId(username), client };
  }

  async function aScheduledJob(client: Client): Promise<string> {
    const upload = await client.upload(await video());
    const scheduleAt = new Date(Date.now() + 3_600_000).toISOString();
    const body = client.job(upload.json['storage_key'], {
      mode: 'schedule',
      schedule_at: scheduleAt,
    });
    return (await client.api('POST', '/v1/jobs', body)).json['id'];
  }

  async function send(body: string, header = signature('sandbox-secret', now(), body)) {
    const answer = await fetch(`${app.url}/webhooks/tiktok`, {
      ...{ method: 'POST', body },
      headers: {
        'content-type': 'application/json',
        ...(header ? { 'tiktok-signature': header } : {}),
      },
    });
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      text: await answer.text(),
    };
  }

  const eventBody = (userOpenid: string, event: string, content: Json, more: Json = {}) =>
    JSON.stringify({
      ...{ client_key: 'sbsandbox', event, create_time: now(), user_openid: userOpenid },
      content: JSON.stringify(content),
      ...more,
    });
  const removal = (openId: string, reason: number, more: Json = {}) =>
    eventBody(openId, 'authorization.removed', { reason }, more);

  /** Removes the app as in TikTok's app: the sandbox ends the grant and sends a signed webhook. */
  async function removeAtTikTok(username: string, reason: number) {
    (app.sandbox.state.apps[0] as { webhook_url: string | null }).webhook_url =
      `${app.url}/webhooks/tiktok`;
    const sent = app.sandbox.state.webhooks.length;
    await fetch(`${app.sandbox.url}/sandbox/removals`, {
      method: 'POST',
      body: JSON.stringify({ username, reason }),
    });
    return waitUntil(async () => {
      const webhook = app.sandbox.state.webhooks[sent];
      return webhook?.status ? webhook : undefined;
    });
  }

  for (const reason of [0, 1, 5]) {
    it(`takes tokens, names and waiting posts away when the permission is gone (reason ${reason})`, async () => {
      const { username, client } = await aPerson();
      const jobId = await aScheduledJob(client);
      expect((await removeAtTikTok(username, reason)).status).to.equal(200);
      // Everything is committed before the answer.
      const creator = await creatorOf(client.creatorId);
      expect(creator).to.include({
        ...{ username: null, nickname: null, avatar_url: null, name_confirmed_at: null },
        ...{ removal_reason: reason, leaving_at: null, open_id: openId(username) },
      });
      expect(creator['disconnected_at']).to.be.instanceOf(Date);
      expect(
        await rows('select from grants where creator_id = $1', [client.creatorId]),
      ).to.have.length(0);
      const { json } = await client.api('GET', `/v1/jobs/${jobId}`);
      expect(json['status']).to.equal('cancelled');
      const page = await client.page(`/jobs/${jobId}`);
      expect(page.text).to.contain('Cancelled: TikTok no longer lets us post for this account');
    });
  }

  for (const reason of [2, 3, 4]) {
    it(`erases everything at once when the account must not be there (reason ${reason})`, async () => {
      const { username, client } = await aPerson();
      await aScheduledJob(client);
      expect((await removeAtTikTok(username, reason)).status).to.equal(200);
      const [deletion] = await rows(
        `select deletions.* from deletions order by requested_at desc limit 1`,
      );
      expect(deletion).to.include({ method: 'tiktok' });
      const done = await waitUntil(
        async () =>
          (
            await rows('select * from deletions where id = $1 and done_at is not null', [
              deletion?.['id'],
            ])
          )[0],
      );
      expect(done).to.include({ traces: 0, revocation: 'not_needed', creator_id: null });
      expect(await creatorOf(client.creatorId)).to.equal(undefined);
      expect((await client.api('GET', '/v1/creators/me')).status).to.equal(401);
    });
  }

  it('does nothing more when it is told twice', async () => {
    const { client, open_id } = await aPerson();
    await aScheduledJob(client);
    const body = removal(open_id, 1);
    expect((await send(body)).status).to.equal(200);
    const before = await rows('select name from job_events order by id');
    const creator = await creatorOf(client.creatorId);
    expect((await send(body)).status).to.equal(200);
    expect(await rows('select name from job_events order by id')).to.deep.equal(before);
    expect((await creatorOf(client.creatorId))['disconnected_at']).to.deep.equal(
      creator['disconnected_at'],
    );
    const gone = removal(open_id, 2);
    for (let times = 0; times < 3; times += 1) expect((await send(gone)).status).to.equal(200);
    expect(
      await rows(
        `select from deletions where method = 'tiktok' and receipt ->> 'jobs_cancelled' = '0'`,
      ),
    ).to.have.length(1);
  });

  it('leaves who came back alone, however late it is told', async () => {
    const { username, open_id } = await aPerson();
    expect((await send(removal(open_id, 1))).status).to.equal(200);
    // The creator connects again after a while, and TikTok repeats the old message.
    const client = await app.creator(username);
    await database.query(
      `update grants set granted_at_tiktok = now() + interval '5 s' where creator_id = $1`,
      [client.creatorId],
    );
    const jobId = await aScheduledJob(client);
    const creator = await creatorOf(client.creatorId);
    expect(creator).to.include({ disconnected_at: null, removal_reason: null, username });
    for (const reason of [1, 2, 4]) {
      const late = removal(open_id, reason);
      expect(
        (await send(late, signature('sandbox-secret', now() - 3 * 86_400, late))).status,
      ).to.equal(200);
    }
    expect(await creatorOf(client.creatorId)).to.deep.equal(creator);
    expect(
      await rows('select from grants where creator_id = $1', [client.creatorId]),
    ).to.have.length(1);
    expect((await client.api('GET', `/v1/jobs/${jobId}`)).json['status']).to.equal('scheduled');
    await app.untilPrinted('"is_late":true');
  });

  it('touches nobody else', async () => {
    const one = await aPerson();
    const other = await aPerson();
    const jobId = await aScheduledJob(other.client);
    const creator = await creatorOf(other.client.creatorId);
    for (const reason of [1, 4])
      expect((await send(removal(one.open_id, reason))).status).to.equal(200);
    expect(await creatorOf(other.client.creatorId)).to.deep.equal(creator);
    expect((await other.client.api('GET', `/v1/jobs/${jobId}`)).json['status']).to.equal(
      'scheduled',
    );
    const { status } = await other.client.api('GET', '/v1/creators/me');
    expect(status).to.equal(200);
  });

  it('lets a post that is with TikTok already end as unconfirmed', async () => {
    const { username, client } = await aPerson();
    const jobId = await aSentJob(client, username);
    await removeAtTikTok(username, 1);
    await database.query(
      `select graphile_worker.reschedule_jobs(array_agg(id), run_at := now()) from graphile_worker._private_jobs where key = $1`,
      [`job:${jobId}`],
    );
    expect(await client.ended(jobId)).to.include({ status: 'unconfirmed' });
  });

  /** Makes a post that TikTok is processing and that we would ask about in an hour. */
  async function aSentJob(client: Client, username: string): Promise<string> {
    const fault = { endpoint: 'processing', kind: 'stuck', count: 1, open_id: openId(username) };
    app.sandbox.state.faults.push(fault as Fault);
    const upload = await client.upload(await video());
    const { json } = await client.api('POST', '/v1/jobs', client.job(upload.json['storage_key']));
    await waitUntil(async () => {
      const { rowCount } = await database.query(
        `update graphile_worker._private_jobs runs set run_at = now() + interval '1 hour'
          where key = $1 and locked_at is null
            and exists (select from jobs where 'job:' || id = runs.key and state = 'sent')`,
        [`job:${json['id']}`],
      );
      return rowCount || undefined;
    });
    return json['id'];
  }

  it('brings the question about a sent post forward, and believes TikTok’s answer alone', async () => {
    const { username, client, open_id } = await aPerson();
    const jobId = await aSentJob(client, username);
    const publish = app.sandbox.state.publishes.find(
      (each) => each.open_id === open_id,
    ) as unknown as Json;
    const { publish_id } = publish as { publish_id: string };
    // The webhook says that the post failed, but TikTok's answer is that it is posted.
    const lie = eventBody(open_id, 'post.publish.failed', {
      publish_id,
      reason: 'picture_size_check_failed',
    });
    (app.sandbox.state.apps[0] as { webhook_url: string | null }).webhook_url = null;
    await fetch(`${app.sandbox.url}/sandbox/posts/${publish_id}/finish`, {
      method: 'POST',
      body: '{}',
    });
    expect((await send(lie)).status).to.equal(200);
    expect(await client.ended(jobId)).to.include({ status: 'finished' });
  });

  it('asks about a post for its own account alone', async () => {
    const { username, client } = await aPerson();
    const stranger = await aPerson();
    const jobId = await aSentJob(client, username);
    const run = () =>
      rows('select run_at from graphile_worker._private_jobs where key = $1', [`job:${jobId}`]);
    const before = await run();
    const { publish_id } = app.sandbox.state.publishes.find(
      (each) => each.open_id === openId(username),
    ) as { publish_id: string };
    const events: [string, Json][] = [
      [stranger.open_id, { publish_id }],
      [openId(username), { publish_id: 'v_pub_file~none' }],
      [openId(username), {}],
    ];
    for (const [openId, content] of events) {
      expect((await send(eventBody(openId, 'post.publish.complete', content))).status).to.equal(
        200,
      );
    }
    expect(await run()).to.deep.equal(before);
  });

  it('answers 200 and does nothing for events and people it does not know', async () => {
    const { client, open_id } = await aPerson();
    const creator = await creatorOf(client.creatorId);
    for (const event of ['video.upload.failed', 'portability.download.ready', 'something.new']) {
      expect((await send(eventBody(open_id, event, { share_id: 'x' }))).status, event).to.equal(
        200,
      );
    }
    expect((await send(removal('-000nobody', 2))).status).to.equal(200);
    expect(await creatorOf(client.creatorId)).to.deep.equal(creator);
  });

  it('refuses what TikTok did not sign, another app’s events, and what is no event', async () => {
    const { client, open_id } = await aPerson();
    const creator = await creatorOf(client.creatorId);
    const body = removal(open_id, 2);
    for (const header of [
      '',
      't=1,s=00',
      signature('another-secret', now(), body),
      signature('sandbox-secret', now(), `${body} `),
    ]) {
      const answer = await send(body, header);
      expect(answer.status, header).to.equal(401);
      expect(answer.type).to.contain('application/problem+json');
    }
    expect((await send(removal(open_id, 2, { client_key: 'sbanother' }))).status).to.equal(401);
    for (const bad of ['', '{', '[]', '{"event":"authorization.removed"}']) {
      expect((await send(bad)).status, bad).to.equal(400);
    }
    const large = removal(open_id, 2, { padding: 'x'.repeat(64_000) });
    expect((await send(large)).status).to.equal(413);
    expect(await creatorOf(client.creatorId)).to.deep.equal(creator);
  });

  it('logs neither the person nor the account', async () => {
    const { client, open_id, username } = await aPerson();
    await send(removal(open_id, 1));
    for (const word of [open_id, username, client.creatorId])
      expect(app.output()).not.to.contain(word);
  });
});
