// Shows how limits of posting and duplicates are refused, delayed or allowed.
import { expect } from 'chai';
import type { Database } from '../../../src/base/database.ts';
import { type Appliance, anAppliance, type Json } from '../../support/appliance.ts';
import { video } from '../../support/videos.ts';

const HOUR = 3600_000;
const DAY = 24 * HOUR;

describe('the limits of posting', () => {
  let app: Appliance;
  let db: Database;
  before(async () => {
    app = await anAppliance({ POSTS_PER_DAY: '3', POST_SPACING_SECONDS: '3600' });
    db = app.db;
  });
  after(() => app?.[Symbol.asyncDispose]());

  const inHours = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();

  async function poster(name: string) {
    const client = await app.creator(name);
    const { json } = await client.upload(await video());
    const ask = (more: Json = {}) =>
      client.api('POST', '/v1/jobs', client.job(json['storage_key'], more));
    const at = (hours: number, more: Json = {}) =>
      ask({ mode: 'schedule', schedule_at: inHours(hours), ...more });
    return { client, ask, at };
  }

  it('refuse a post too soon after another, and say when it may be made', async () => {
    const { ask, at } = await poster('too.soon');
    const first = await at(5);
    expect(first.status).to.equal(202);
    const refused = await at(5.5);
    expect(refused.status).to.equal(429);
    expect(refused.json['code']).to.equal('too_soon');
    expect(refused.json['detail']).to.contain('one hour');
    const retryAt = Date.parse(refused.json['retry_at']);
    expect(retryAt).to.equal(Date.parse(first.json['send_at']) + HOUR);
    expect(Number(refused.headers.get('retry-after'))).to.be.within(5.9 * 3600, 6 * 3600);
    expect((await at(4.5)).json['code']).to.equal('too_soon');
    expect((await ask()).status).to.equal(202);
  });

  it('refuse the post that would be one too many in any 24 hours', async () => {
    const { at } = await poster('too.many');
    for (const hours of [10, 20, 30]) expect((await at(hours)).status).to.equal(202);
    const refused = await at(25);
    expect(refused.status).to.equal(429);
    expect(refused.json['code']).to.equal('daily_limit');
    expect(Math.abs(Date.parse(refused.json['retry_at']) - Date.now() - 34 * HOUR)).to.be.lessThan(
      60_000,
    );
    expect((await at(45)).status).to.equal(202);
  });

  it('move a post to the next free time where the request says so, and show both times', async () => {
    const { client, at, ask } = await poster('may.wait');
    const first = await ask();
    const moved = await ask({ on_limit: 'delay' });
    expect(moved.status).to.equal(202);
    expect(moved.json).to.include({ mode: 'now', status: 'scheduled', schedule_at: null });
    const after = Date.parse(moved.json['send_at']) - Date.parse(first.json['send_at']);
    expect(after).to.equal(HOUR);
    const third = await at(1.5, { on_limit: 'delay' });
    expect(Date.parse(third.json['send_at']) - Date.parse(first.json['send_at'])).to.equal(
      2 * HOUR,
    );
    expect(third.json['schedule_at']).not.to.equal(third.json['send_at']);
    const events = await client.api('GET', `/v1/jobs/${third.json['id']}/events`);
    expect(events.json['data'].map(({ name }: Json) => name)).to.include('delayed');
    const { json: me } = await client.api('GET', '/v1/creators/me');
    expect(me['limits']).to.include({ posts_per_day: 3, post_spacing_seconds: 3600 });
    expect(Date.parse(me['next_free_at'])).to.equal(Date.parse(first.json['send_at']) + DAY);
  });

  it('move no post beyond what the plan reaches', async () => {
    const { client, ask } = await poster('too.far');
    await db('creators').where({ id: client.creatorId }).update({ plan: 'free' });
    const answers: { status: number; json: Json }[] = [];
    for (let n = 0; n < 13; n += 1) answers.push(await ask({ on_limit: 'delay' }));
    const taken = answers.filter(({ status }) => status === 202);
    for (const { json } of taken) {
      expect(Date.parse(json['send_at'])).to.be.at.most(Date.now() + 3 * DAY);
    }
    // Three posts a day, and the first one again three days later.
    expect(taken).to.have.length(10);
    const last = answers.at(-1)?.json ?? {};
    expect(last['code']).to.equal('daily_limit');
    expect(Date.parse(last['retry_at'])).to.be.greaterThan(Date.now() + 2.9 * DAY);
  });

  it('are judged together when many ask at once', async () => {
    const { ask } = await poster('all.at.once');
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => ask({ on_limit: 'delay' })));
    const times = answers.map(({ json }) => Date.parse(json['send_at'])).sort((a, b) => a - b);
    times.slice(1).forEach((time, index) => {
      expect(time - (times[index] as number)).to.be.at.least(HOUR);
    });
    for (const start of times) {
      expect(times.filter((t) => t >= start && t < start + DAY).length).to.be.at.most(3);
    }
  });

  it('do not count what was cancelled or failed before anything was sent', async () => {
    const { client, at } = await poster('not.counted');
    const { json: first } = await at(5);
    await client.api('POST', `/v1/jobs/${first['id']}/cancellation`);
    const { json: second } = await at(5.5);
    expect(second['status']).to.equal('scheduled');
    await db('jobs')
      .where({ id: second['id'] })
      .update({ state: 'failed', finished_at: new Date() });
    expect((await at(5.2)).status).to.equal(202);
    await db('publish_attempts').insert({
      ...{ job_id: second['id'], number: 1, bytes: 1, sent_at: new Date(), closed_at: new Date() },
    });
    expect((await at(6.3)).json['code']).to.equal('too_soon');
  });

  it('hold for a changed time and a second try as well, beside all others but itself', async () => {
    const { client, at } = await poster('changed');
    const { json: first } = await at(5);
    const { json: second } = await at(10);
    const path = `/v1/jobs/${second['id']}`;
    const refused = await client.api('PATCH', path, { schedule_at: inHours(5.5) });
    expect(refused.json).to.include({ code: 'too_soon' });
    const moved = await client.api('PATCH', path, { schedule_at: inHours(10.5) });
    expect(moved.status).to.equal(200);
    await db('jobs')
      .where({ id: second['id'] })
      .update({ state: 'failed', send_at: first['send_at'] });
    const again = await client.api('POST', `${path}/retry`);
    expect(again.json).to.include({ code: 'too_soon' });
    await db('jobs')
      .where({ id: second['id'] })
      .update({ send_at: inHours(8) });
    expect((await client.api('POST', `${path}/retry`)).status).to.equal(202);
  });

  describe('of the same media', () => {
    it('refuse it within 24 hours, name the first post, and let it through when that is meant', async () => {
      const { client, at } = await poster('twice');
      const { json: first } = await at(10, { allow_duplicate: false });
      const refused = await at(20, { allow_duplicate: false });
      expect(refused.status).to.equal(409);
      expect(refused.json).to.include({ code: 'duplicate_media', job_id: first['id'] });
      // Another upload with the same content is the same media.
      const { json: copy } = await client.upload(await video());
      const twin = client.job(copy['storage_key'], {
        ...{ mode: 'schedule', schedule_at: inHours(20), allow_duplicate: false },
      });
      expect((await client.api('POST', '/v1/jobs', twin)).status).to.equal(409);
      expect((await at(35, { allow_duplicate: false })).status).to.equal(202);
      expect((await at(20, { allow_duplicate: true })).status).to.equal(202);
    });

    it('are told before a limit that waiting would end', async () => {
      const { at } = await poster('twice.soon');
      await at(10, { allow_duplicate: false });
      expect((await at(10.5, { allow_duplicate: false })).json['code']).to.equal('duplicate_media');
      expect((await at(10.5)).json['code']).to.equal('too_soon');
      const moved = await at(10.5, { allow_duplicate: false, on_limit: 'delay' });
      expect(moved.json['code']).to.equal('duplicate_media');
    });

    it('do not hold another creator’s post, or what was cancelled', async () => {
      const one = await poster('one.of.two');
      const two = await poster('two.of.two');
      const { json: first } = await one.at(10, { allow_duplicate: false });
      expect((await two.at(10, { allow_duplicate: false })).status).to.equal(202);
      await one.client.api('POST', `/v1/jobs/${first['id']}/cancellation`);
      expect((await one.at(12, { allow_duplicate: false })).status).to.equal(202);
    });
  });

  describe('in the composer', () => {
    const Inbox = { destination: 'inbox', mode: 'now' };

    it('offer the next free time, with all that was typed, and one click takes it', async () => {
      const { client, ask } = await poster('composes.soon');
      const { json: first } = await ask();
      const { json: media } = await client.upload(await video({ seconds: 1.4 }));
      const form = { ...Inbox, storage_key: media['storage_key'], title: 'Typed once' };
      const held = await client.form('/jobs', form);
      expect(held.status).to.equal(422);
      const text = await held.text();
      expect(text).to.contain('at least one hour apart').and.to.contain('Typed once');
      const path = /formaction="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const taken = await client.form(path, form);
      expect(taken.status).to.equal(303);
      const id = taken.headers.get('location')?.split('/').at(-1);
      const { json: job } = await client.api('GET', `/v1/jobs/${id}`);
      expect(Date.parse(job['send_at']) - Date.parse(first['send_at'])).to.equal(HOUR);
    });

    it('show the post of the same media, and make it again when that is meant', async () => {
      const { client, at } = await poster('composes.twice');
      const { json: first } = await at(3, { allow_duplicate: false });
      const storageKey = (await client.api('GET', '/v1/media')).json['data'][0]['storage_key'];
      const form = { ...Inbox, storage_key: storageKey };
      const held = await client.form('/jobs', form);
      expect(held.status).to.equal(422);
      const text = await held.text();
      expect(text).to.contain(`href="/jobs/${first['id']}"`);
      const path = /formaction="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      expect((await client.form(path, form)).status).to.equal(303);
    });

    it('say at the field when a time is beyond the plan', async () => {
      const { client } = await poster('composes.far');
      const storageKey = (await client.api('GET', '/v1/media')).json['data'][0]['storage_key'];
      const scheduleAt = new Date(Date.now() + 40 * DAY).toISOString().slice(0, 16);
      const held = await client.form('/jobs', {
        ...{
          destination: 'inbox',
          mode: 'schedule',
          schedule_at: scheduleAt,
          time_zone: 'UTC',
          storage_key: storageKey,
        },
      });
      expect(held.status).to.equal(422);
      expect(await held.text()).to.match(/id="fault-schedule_at">[^<]*30 days/);
    });
  });

  it('are shown on the dashboard, with the next free time', async () => {
    const { client, ask } = await poster('looks.on');
    await ask();
    const { text } = await client.page('/jobs');
    expect(text).to.contain('1 of 3 posts in 24 hours').and.to.contain('next free time');
  });
});
