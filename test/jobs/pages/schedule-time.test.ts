// Shows what a creator is told before a post is planned for a time that comes never or twice.
import { expect } from 'chai';
import { createAccount } from '../../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../../scripts/tiktok-sandbox/sandbox.ts';
import { createSessions } from '../../../src/access/sessions.ts';
import { createApp } from '../../../src/app.ts';
import { sqlFromNow } from '../../../src/base/database-time.ts';
import { DAY_MS } from '../../../src/base/time.ts';
import { aCreator } from '../../support/a-creator.ts';
import { anOwnContext, type OwnContext } from '../../support/context.ts';
import { listenTo, type Served } from '../../support/served.ts';

describe('the composer, where the clocks are changed', () => {
  let sandbox: Sandbox;
  let own: OwnContext;
  let served: Served;
  let cookie: string;
  before(async () => {
    sandbox = await startSandbox();
    const env = { PLAN_PAID_HORIZON_DAYS: '3650' };
    own = await anOwnContext({ tiktok_url: sandbox.url, env });
    served = await listenTo(createApp(own.ctx, own.ctx.modules));
    const { db } = own.ctx;
    const account = createAccount('plans.at.night', 'plans.at.night');
    sandbox.state.accounts.push(account);
    const { id } = await aCreator(own.ctx, sandbox, account);
    await db('media').insert({
      ...{ storage_key: 'a-video', creator_id: id, purpose: 'upload', content_type: 'video/mp4' },
      ...{ bytes: 1, sha256: 'x', facts: { kind: 'video', duration_ms: 1500, changes: [] } },
      expires_at: sqlFromNow(db, DAY_MS),
    });
    cookie = (await createSessions(own.ctx).start(id)).split(';')[0] as string;
  });
  after(async () => {
    await served?.[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
    await sandbox?.close();
  });

  /** Sends the form as a browser without JavaScript does. */
  async function plan(fields: Record<string, string>) {
    const answer = await fetch(`${served.url}/jobs`, {
      ...{ method: 'POST', redirect: 'manual' },
      headers: { cookie, accept: 'text/html', 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams({
        ...{ destination: 'inbox', mode: 'schedule', storage_key: 'a-video', title: 'Typed once' },
        ...fields,
      }),
    });
    const text = await answer.text();
    const field = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1];
    return { status: answer.status, text, field };
  }
  const listTimes = () =>
    own.ctx.db('jobs').where({ title: 'Typed once' }).orderBy('created_at').pluck('send_at');

  it('tells the later time of one that does not come, and plans it when it is sent again', async () => {
    const zone = { time_zone: 'America/New_York' };
    const told = await plan({ ...zone, schedule_at: '2033-03-13T02:30' });
    expect(told.status).to.equal(422);
    expect(told.text).to.contain(
      'Clocks in America/New York go forward that day, and 02:30 does not come. The post would go out at 03:30.',
    );
    expect(await listTimes()).to.deep.equal([]);
    const shown = told.field('schedule_at') ?? '';
    expect(shown).to.equal('2033-03-13T03:30');
    expect((await plan({ ...zone, schedule_at: shown })).status).to.equal(303);
    expect(await listTimes()).to.deep.equal([new Date('2033-03-13T07:30:00Z')]);
  });

  it('tells the first of a time that comes twice, and plans that one alone', async () => {
    const fields = { time_zone: 'Australia/Lord_Howe', schedule_at: '2033-04-03T01:45' };
    const told = await plan(fields);
    expect(told.status).to.equal(422);
    expect(told.text).to.contain(
      '01:45 comes twice. The post would go out the first time, at 14:45',
    );
    expect(told.field('schedule_at')).to.equal(fields.schedule_at);
    const agreed = { time_told: told.field('time_told') ?? '' };
    // What was said about another time is no yes to this one.
    const other = await plan({ ...fields, ...agreed, schedule_at: '2033-04-03T01:50' });
    expect(other.status).to.equal(422);
    expect((await plan({ ...fields, ...agreed })).status).to.equal(303);
    expect((await listTimes()).at(-1)).to.deep.equal(new Date('2033-04-02T14:45:00Z'));
  });
});
