// Shows that a machine whose clock is minutes wrong posts, expires and signs in by the database's.
import { expect } from 'chai';
import type { Context as KoaContext } from 'koa';
import { TOTP } from 'otpauth';
import { authenticate, issueKey } from '../../src/access/keys.ts';
import { limitRequests } from '../../src/access/rate-limits.ts';
import { createSessions } from '../../src/access/sessions.ts';
import { followDatabaseTime, sqlFromNow } from '../../src/base/database-time.ts';
import { sha256 } from '../../src/base/secrets.ts';
import { MINUTE_MS, SECOND_MS } from '../../src/base/time.ts';
import { findInvitation, insertInvitation } from '../../src/creators/invitations.ts';
import { insertOAuthState, takeOAuthState } from '../../src/creators/oauth-states.ts';
import { getCreator } from '../../src/creators/store.ts';
import { findMedia } from '../../src/media/store.ts';
import { type Appliance, anAppliance } from '../support/appliance.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { ADMIN, OperatorClient } from '../support/operator.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';
import { shiftClock, wrongClock } from '../support/wrong-clock.ts';

const WRONG_MS = 10 * MINUTE_MS;

for (const [words, ms] of [
  ['ahead', WRONG_MS],
  ['behind', -WRONG_MS],
] as const) {
  describe(`a process whose clock is ten minutes ${words}`, () => {
    let app: Appliance;
    before(async () => {
      app = await anAppliance({ ...ADMIN, ...wrongClock(ms) }, FAST);
    });
    after(() => app?.[Symbol.asyncDispose]());

    it('tells the operator, and is ready', async () => {
      await app.untilPrinted('"clock.skewed"');
      expect(app.output()).to.contain(`600 s ${words}`);
      const answer = await fetch(`${app.url}/readyz`);
      const readiness = (await answer.json()) as Record<string, unknown>;
      expect([answer.status, readiness['clock']]).to.deep.equal([200, 'skewed']);
    });

    it('posts at once what is to go at once, and a planned post at its time', async () => {
      const client = await app.creator();
      const { json: media } = await client.upload(await video());
      const now = await client.api('POST', '/v1/jobs', client.job(media['storage_key']));
      expect((await client.ended(now.json['id']))['status']).to.equal('finished');
      const at = Date.now() + 3 * SECOND_MS;
      const planned = await client.api(
        'POST',
        '/v1/jobs',
        client.job(media['storage_key'], {
          mode: 'schedule',
          schedule_at: new Date(at).toISOString(),
        }),
      );
      expect([planned.status, planned.json['status']]).to.deep.equal([202, 'scheduled']);
      expect((await client.ended(planned.json['id']))['status']).to.equal('finished');
      const posted = app.sandbox.state.publishes.map((each) => each.created_at);
      expect(posted).to.have.length(2);
      expect(Math.max(...posted)).to.be.at.least(at);
    });

    it('takes the code of an authenticator that is right', async () => {
      const operator = new OperatorClient(app.url);
      await operator.signIn(ADMIN['ADMIN_EMAIL'] as string, ADMIN['ADMIN_PASSWORD'] as string);
      await operator.form('/admin/second-factor');
      const { text } = await operator.page('/admin/second-factor');
      const secret = /secret=([A-Z2-7]+)/.exec(text)?.[1] ?? '';
      const totp = new TOTP({ secret }).generate();
      await operator.form('/admin/second-factor/confirmation', { code: totp });
      const [row] = await app.db('operators').select('totp_confirmed_at');
      expect(row.totp_confirmed_at).to.be.instanceOf(Date);
    });
  });
}

describe('on a machine whose clock is wrong', () => {
  let own: OwnContext;
  let creatorId: string;
  before(async () => {
    own = await anOwnContext({ env: { API_REQUESTS_PER_MINUTE: '2' } });
    (await followDatabaseTime(own.ctx.db, own.ctx.log)).stop();
    const row = { open_id: 'of-the-wrong-clock', plan: 'paid' };
    const [{ id }] = await own.ctx.db('creators').insert(row).returning('id');
    creatorId = id;
  });
  after(() => own?.[Symbol.asyncDispose]());

  /** Five minutes from the end on both sides of it: ten minutes decide wrongly in either direction. */
  const ends = [
    { leftMs: 5 * MINUTE_MS, shiftMs: WRONG_MS, isValid: true },
    { leftMs: -5 * MINUTE_MS, shiftMs: -WRONG_MS, isValid: false },
  ];
  const inTime = (ms: number) => sqlFromNow(own.ctx.db, ms);

  it('a session lasts as long as its time', async () => {
    for (const { leftMs, shiftMs, isValid } of ends) {
      const cookie = (await createSessions(own.ctx).start(creatorId)).split(';')[0] as string;
      await own.ctx.db('sessions').update({ expires_at: inTime(leftMs) });
      using _ = shiftClock(shiftMs);
      expect((await createSessions(own.ctx).find(cookie)) !== null).to.equal(isValid);
    }
  });

  it('an API key lasts as long as its time', async () => {
    const creator = await getCreator(own.ctx.db, creatorId);
    const { key } = await issueKey(own.ctx, creator, 'a key');
    for (const { leftMs, shiftMs, isValid } of ends) {
      await own.ctx.db('api_keys').update({ expires_at: inTime(leftMs) });
      using _ = shiftClock(shiftMs);
      const asked = authenticate(own.ctx, `Bearer ${key}`).then(
        () => true,
        () => false,
      );
      expect(await asked).to.equal(isValid);
    }
  });

  it('an upload, an invitation and a sign-in at TikTok last as long as their time', async () => {
    const { db } = own.ctx;
    for (const { leftMs, shiftMs, isValid } of ends) {
      const name = `of-${shiftMs}`;
      await db('media').insert({
        ...{ storage_key: name, creator_id: creatorId, purpose: 'upload', facts: '{}' },
        ...{ content_type: 'video/mp4', bytes: 1, sha256: name, expires_at: inTime(leftMs) },
      });
      await insertInvitation(db, sha256(name), leftMs);
      await insertOAuthState(db, {
        ...{ state_hash: sha256(name), browser_hash: sha256(name) },
        expires_at: inTime(leftMs) as unknown as Date,
      });
      using _ = shiftClock(shiftMs);
      const found = [
        await findMedia(db, creatorId, name),
        await findInvitation(db, sha256(name)),
        await takeOAuthState(db, sha256(name)),
      ];
      expect(found.map((each) => each !== undefined)).to.deep.equal([isValid, isValid, isValid]);
    }
  });

  it('requests are counted in the minute of all others', async () => {
    const koa = { set() {} } as unknown as KoaContext;
    const ask = () =>
      limitRequests(own.ctx, koa, 'a key').then(
        () => null,
        (problem) => problem.code,
      );
    expect([await ask(), await ask()]).to.deep.equal([null, null]);
    for (const ms of [WRONG_MS, -WRONG_MS]) {
      using _ = shiftClock(ms);
      expect(await ask()).to.equal('rate_limited');
    }
  });
});
