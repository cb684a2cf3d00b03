import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import type { Term } from '../../src/base/declaration.ts';
import { removeAuthorization } from '../../src/connections/removal.ts';
import { findGrant } from '../../src/creators/grants.ts';
import { markLeaving } from '../../src/creators/leaving.ts';
import { openTokens } from '../../src/creators/tokens.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { declaredTables } from '../../src/privacy/eraser.ts';
import { removeEnded } from '../../src/retention/store.ts';
import { aCreator, type Seeded } from '../support/a-creator.ts';
import { type Appliance, anAppliance, type Env } from '../support/appliance.ts';
import { aContext } from '../support/context.ts';
import { ADMIN, type Desk, signedInOperator } from '../support/operator.ts';
import { Visitor } from '../support/visitor.ts';

const CANARY = 'canary words of the person';

describe('the desk', () => {
  let app: Appliance;
  let database: pg.Client;
  let ctx: Awaited<ReturnType<typeof aContext>>;
  let ada: Desk;
  let bob: Desk;
  before(async () => {
    app = await anAppliance({
      ...ADMIN,
      OPERATOR_EMAIL: 'privacy@agency.example',
      OPERATOR_NAME: 'Agency',
    });
    const { database_url, data_dir } = app;
    database = new pg.Client(database_url);
    await database.connect();
    ctx = await aContext({ database_url, data_dir, tiktok_url: app.sandbox.url });
    ada = await signedInOperator(app.url);
    bob = await ada.addOperator('bob@agency.example');
  });
  after(async () => {
    await database?.end();
    await ctx?.db.destroy();
    await app?.[Symbol.asyncDispose]();
  });

  const sql = async (text: string, values: unknown[] = []) =>
    (await database.query(text, values)).rows;

  /** A creator in the database, and the TikTok account of the same name. */
  async function person(username: string, grant: 'live' | 'dead' = 'live'): Promise<Seeded> {
    const known = createAccount(username, `Nick of ${username}`);
    app.sandbox.state.accounts.push(known);
    return aCreator(ctx, app.sandbox, known, grant);
  }

  async function enter(fields: Env, desk = ada): Promise<string> {
    const answer = await desk.form('/admin/deletions', fields);
    expect(answer.status, answer.text.slice(0, 2000)).to.equal(303);
    return answer.headers.get('location') as string;
  }

  const look = async (path: string) => {
    const { text } = await ada.page(path);
    const one = (pattern: RegExp) => pattern.exec(text)?.[1];
    return {
      text,
      state: one(/data-state="([^"]+)"/),
      link: one(/data-proof-link>([^<]+)</),
      code: one(/data-bio-code>([^<]+)</),
      version: one(/name="version" value="(\d+)"/),
      reply: one(/<textarea id="reply"[^>]*>([^<]*)</) ?? '',
      candidates: [...text.matchAll(/data-candidate="([^"]+)"/g)].map((match) => match[1]),
    };
  };

  /** Entered, the account chosen, and a proof asked for. */
  async function asked(who: Seeded, method: string, more: Env = {}): Promise<string> {
    const path = await enter({ username: 'whoever', details: CANARY });
    await ada.form(`${path}/creator`, { creator_id: who.id });
    const answer = await ada.form(`${path}/proof`, { method, ...more });
    expect(answer.status, answer.text).to.equal(303);
    return path;
  }

  async function ended(path: string, state: string) {
    for (let tries = 0; tries < 300; tries += 1) {
      const found = await look(path);
      if (found.state === state) return found;
      await sleep(100);
    }
    throw new Error(`Expected ${state}, the request stayed ${(await look(path)).state}`);
  }

  const exists = async ({ id }: Seeded) =>
    (await sql('select 1 from creators where id = $1 and leaving_at is null', [id])).length === 1;

  it('is closed to whoever is not signed in as an operator', async () => {
    const creator = await app.creator();
    for (const headers of [{ cookie: '' }, { cookie: creator.cookie }]) {
      expect((await ada.page('/admin/deletions', headers)).status).to.equal(303);
      const answer = await ada.form('/admin/deletions', { username: 'x' }, headers);
      expect(answer.headers.get('location')).to.equal('/admin/sign-in');
    }
    const forged = await ada.form(
      '/admin/deletions',
      { username: 'x' },
      { 'sec-fetch-site': 'cross-site' },
    );
    expect(forged.status).to.equal(403);
  });

  it('takes a request as the email says it, and refuses one that says nothing or comes from the future', async () => {
    const ahead = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
    const before = await sql('select count(*)::int as count from deletion_requests');
    for (const [fields, words] of [
      [{ username: '  ', usage: 'posting' }, 'Enter at least one'],
      [{ username: 'kept.typing', received_at: ahead }, 'cannot be in the future'],
      [{ username: 'x', received_at: 'yesterday' }, 'cannot be in the future'],
      [{ username: 'x'.repeat(101) }, 'below 100'],
    ] as [Env, string][]) {
      const answer = await ada.form('/admin/deletions', fields);
      expect(answer.status).to.equal(400);
      expect(answer.text).to.contain(words);
      if (fields['received_at'] === ahead) expect(answer.text).to.contain('kept.typing');
    }
    expect(await sql('select count(*)::int as count from deletion_requests')).to.deep.equal(before);
    const path = await enter({ username: '@someone\0', details: '<b>bold</b>' });
    const { state, text } = await look(path);
    expect(state).to.equal('received');
    expect(text).to.contain('@someone').and.to.contain('&lt;b&gt;bold');
    expect((await ada.page('/admin/deletions/none')).status).to.equal(404);
    expect((await ada.form(`${path.slice(0, -4)}0000/refusal`, { reason: 'x' })).status).to.equal(
      404,
    );
  });

  it('shows those with the fewest days left first, overdue in red, and counts them in /metrics', async () => {
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await enter({ username: 'calm.one', received_at: ago(2.5) });
    await enter({ username: 'late.one', received_at: ago(31.5) });
    await enter({ username: 'soon.one', received_at: ago(24.5) });
    const { text } = await ada.page('/admin/deletions');
    const at = ['late.one', 'soon.one', 'calm.one'].map((name) => text.indexOf(name));
    expect(at).to.deep.equal([...at].sort((a, b) => a - b));
    const row = (name: string) => text.slice(text.indexOf(name)).split('</tr>')[0] as string;
    expect(row('late.one')).to.contain('days red').and.to.contain('1 day overdue');
    expect(row('soon.one')).to.contain('days amber').and.to.contain('6 days left');
    expect(row('calm.one')).to.contain('days calm').and.to.contain('28 days left');
    const [{ open }] = await sql(
      `select count(*)::int as open from deletion_requests where state not in ('done', 'refused')`,
    );
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).to.contain(`pm3k_deletion_requests{state="open"} ${open}`);
    expect(metrics).to.contain('pm3k_deletion_requests{state="overdue"} 1');
  });

  describe('finds the account', () => {
    it('by username, link, ids and times, and chooses none itself', async () => {
      const who = await person('Found.Me');
      const [job] = await sql(
        `update jobs set post_ids = '{7412345678901234567}', send_at = '2025-03-04 05:06:07Z'
          where creator_id = $1 and state = 'finished' returning id`,
        [who.id],
      );
      await sql(
        `update publish_attempts set publish_id = 'v_pub_file~v2-1.74123' where job_id in
        (select id from jobs where creator_id = $1)`,
        [who.id],
      );
      for (const fields of [
        { username: '@found.me' },
        { username: 'FOUND.ME' },
        { profile_url: 'https://www.tiktok.com/@found.me?lang=de' },
        { details: `my account is ${who.id}` },
        { details: `open id ${who.open_id}, thanks` },
        { details: `job ${String(job.id).toUpperCase()} failed` },
        { details: 'publish_id: v_pub_file~v2-1.74123' },
        { details: 'see https://www.tiktok.com/@renamed.since/video/7412345678901234567' },
        { details: 'I posted on 2025-03-04 06:10 +01:00, I think' },
      ] as Env[]) {
        const path = await enter(fields);
        const found = await look(path);
        expect(found.candidates, JSON.stringify(fields)).to.deep.equal([who.id]);
        expect(found.text).to.contain('Nick of Found.Me').and.to.contain('3 posts');
        const [row] = await sql('select creator_id from deletion_requests where id = $1', [
          path.split('/').at(-1),
        ]);
        expect(row.creator_id, 'nothing is chosen').to.equal(null);
      }
    });

    it('with a warning for those that look alike, so that the right one is chosen by hand', async () => {
      const real = await person('maria_lopez');
      const twins = [];
      for (const name of ['maria.lopez', 'maria_1opez', 'marla_lopez', 'maria_lopezz']) {
        twins.push(await person(name));
      }
      const other = await person('mario_gonzales');
      const found = await look(await enter({ username: 'maria_lopez' }));
      expect(found.candidates[0]).to.equal(real.id);
      expect([...found.candidates].sort()).to.deep.equal(
        [real, ...twins].map(({ id }) => id).sort(),
      );
      expect(found.candidates).not.to.contain(other.id);
      expect(found.text).to.contain('Looks like “maria_lopez” from the email, and is not the same');
      expect(found.text).to.contain('Easily taken for @maria_1opez, which is another account');
      // Cyrillic а: the eye sees the same name.
      const cyrillic = await look(await enter({ username: 'mаria_lopez' }));
      expect(cyrillic.candidates).to.contain(real.id);
      expect(cyrillic.text).to.contain('is not the same name');
    });

    it('or says that there is none, and refuses in words that tell nobody so', async () => {
      const path = await enter({ username: 'never.was.here', details: CANARY });
      expect((await look(path)).text).to.contain('No account fits');
      await ada.form(`${path}/refusal`, { reason: 'No account' });
      const none = await look(path);
      expect(none.state).to.equal('refused');
      const way = [...none.text.matchAll(/<li class="reached"[^>]*><span>([^<]+)/g)];
      expect(way.map(([, step]) => step)).to.deep.equal(['Received', 'Refused']);
      const who = await person('was.here');
      const unproved = await asked(who, 'bio');
      await ada.form(`${unproved}/refusal`, { reason: 'Ownership was not shown' });
      const plain = (reply: string) => reply.replaceAll(/request \d+/g, 'request');
      expect(plain((await look(unproved)).reply)).to.equal(plain(none.reply));
    });
  });

  it('tells before a proof in no reply whether there is an account', async () => {
    const who = await person('reply.me');
    const without = await enter({ username: 'reply.nobody' });
    const path = await enter({ username: 'reply.me' });
    await ada.form(`${path}/creator`, { creator_id: who.id });
    const plain = (reply: string) => reply.replaceAll(/number is \d+/g, '');
    expect(plain((await look(path)).reply)).to.equal(plain((await look(without)).reply));
    for (const method of ['sign_in', 'bio', 'other']) {
      await ada.form(`${path}/proof`, { method, description: 'Add a dot to the bio' });
      const { reply } = await look(path);
      expect(reply)
        .to.contain('please show us')
        .and.not.to.match(/reply\.me|Nick of/);
    }
  });

  it('asks for a proof without an account in the very same words, so that a stranger learns nothing', async () => {
    const who = await person('named.victim');
    await person('curious');
    const victim = await enter({ username: 'named.victim' });
    const nobody = await enter({ username: 'named.nobody' });
    await ada.form(`${victim}/creator`, { creator_id: who.id });
    expect((await look(nobody)).text).to.contain('tells nobody whether there is an account');
    const plain = (text: string) =>
      text.replaceAll(/request \d+|\/prove\/[\w-]+|\?proof=[\w-]+|\b[A-Z2-9]{8}\b/g, '…');
    const askBoth = async (method: string) => {
      const found = [];
      for (const path of [victim, nobody]) {
        const more = { method, description: 'Add a dot to the bio' };
        expect((await ada.form(`${path}/proof`, more)).status).to.equal(303);
        found.push(await look(path));
      }
      expect(plain(found[0]?.reply ?? '')).to.equal(plain(found[1]?.reply ?? 'none'));
      expect(found.map(({ state }) => state)).to.deep.equal(['identity_asked', 'identity_asked']);
      return found.map(({ link = '' }) => link);
    };
    const pages = [];
    for (const link of await askBoth('sign_in')) {
      const visitor = new Visitor(app.url);
      const begun = await visitor.get(link);
      const { page } = await visitor.signInBy(link, 'curious');
      const { status } = await visitor.post(link);
      pages.push(plain(`${begun.text} ${page.text} ${status}`));
    }
    expect(pages[0]).to.equal(pages[1]).and.to.contain('404');
    expect((await look(nobody)).text)
      .to.contain('so none could match')
      .and.not.to.contain('null');
    for (const method of ['bio', 'other']) {
      await askBoth(method);
      expect((await look(nobody)).text)
        .not.to.contain('null')
        .and.not.to.contain('Confirm the');
      const seen = await ada.form(`${nobody}/verification`, { note: 'I saw it' });
      expect(seen.status).to.equal(409);
      expect(seen.text).to.contain('No account is chosen');
    }
    for (const path of [victim, nobody]) {
      await ada.form(`${path}/refusal`, { reason: 'Ownership was not shown' });
    }
    expect(plain((await look(victim)).reply)).to.equal(plain((await look(nobody)).reply));
    expect(await exists(who)).to.equal(true);
  });

  describe('by one-time link', () => {
    it('deletes after both clicks of the right person, and the request loses its words', async () => {
      const who = await person('leaver');
      const path = await asked(who, 'sign_in');
      const { link = '', reply, state } = await look(path);
      expect(state).to.equal('identity_asked');
      expect(reply).to.contain(link);
      const visitor = new Visitor(app.url);
      const { page, scopes } = await visitor.signInBy(link, 'leaver');
      expect(scopes).to.equal('user.info.basic');
      expect(page.text).to.contain('Delete everything about').and.to.contain('@leaver');
      expect((await look(path)).state, 'not before the second click').to.equal('identity_asked');
      expect((await ada.form(`${path}/execution`)).status).to.equal(409);
      const thanks = await visitor.get((await visitor.post(link)).location);
      expect(thanks.text).to.contain('Thank you');
      expect((await look(path)).state).to.equal('verified');
      expect(await exists(who), 'an operator executes').to.equal(true);
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      const done = await ended(path, 'done');
      expect(done.reply).to.contain(`${app.url}/deletions/`);
      const receipt = /http\S+\/deletions\/\w+/.exec(done.reply)?.[0] ?? '';
      expect(await (await fetch(receipt)).text()).to.contain('Receipt of a deletion');
      expect(await exists(who)).to.equal(false);
      expect(app.sandbox.state.revocations.map(({ open_id }) => open_id)).to.contain(who.open_id);
      const [row] = await sql('select * from deletion_requests where id = $1', [
        path.split('/').at(-1),
      ]);
      const gone = ['username', 'profile_url', 'usage', 'details', 'creator_id', 'bio_code'];
      for (const name of [...gone, 'proof_description', 'proof_token', 'proof_token_hash']) {
        expect(row[name], name).to.equal(null);
      }
      expect(row).to.include({ state: 'done', method: 'sign_in', proof_match: true });
      expect(done.text).not.to.contain(CANARY).and.not.to.contain('leaver');
    });

    it('makes no session, no account, and asks TikTok to forget a stranger at once', async () => {
      const who = await person('meant');
      app.sandbox.state.accounts.push(createAccount('stranger', 'Stranger'));
      const stranger = app.sandbox.state.accounts.at(-1)?.open_id;
      const path = await asked(who, 'sign_in');
      const { link = '' } = await look(path);
      const visitor = new Visitor(app.url);
      const { page } = await visitor.signInBy(link, 'stranger');
      expect(page.text).to.contain('does not confirm request');
      expect(page.text).not.to.contain('meant').and.not.to.contain('stranger');
      expect([...visitor.cookies.keys()]).to.deep.equal(['pm3k_proof']);
      expect(await sql('select 1 from creators where open_id = $1', [stranger])).to.deep.equal([]);
      expect(app.sandbox.state.revocations.map(({ open_id }) => open_id)).to.contain(stranger);
    });

    it('deletes nothing for the wrong person, whatever they and the operator press', async () => {
      const who = await person('victim');
      await person('attacker');
      const path = await asked(who, 'sign_in');
      const { link = '' } = await look(path);
      const visitor = new Visitor(app.url);
      await visitor.signInBy(link, 'attacker');
      expect((await visitor.post(link)).status).to.equal(404);
      expect((await ada.form(`${path}/verification`, { note: 'looks fine' })).status).to.equal(409);
      expect((await ada.form(`${path}/execution`)).status).to.equal(409);
      expect((await look(path)).state).to.equal('identity_asked');
      expect((await look(path)).text).to.contain('Another account signed in');
      expect(await exists(who)).to.equal(true);
    });

    it('does nothing in another browser than the one that signed in: a forwarded link erases nobody', async () => {
      const who = await person('tricked');
      const path = await asked(who, 'sign_in');
      const { link = '' } = await look(path);
      const [owner, sender] = [new Visitor(app.url), new Visitor(app.url)];
      await owner.signInBy(link, 'tricked');
      expect((await sender.get(link)).status).to.equal(404);
      expect((await sender.post(link)).status).to.equal(404);
      expect((await look(path)).state).to.equal('identity_asked');
      expect(await exists(who)).to.equal(true);
    });

    it('works once, for 72 hours, and not after a newer one', async () => {
      const who = await person('links');
      const path = await asked(who, 'sign_in');
      const { link: first = '' } = await look(path);
      const [row] = await sql(
        `select proof_expires_at - now() as left from deletion_requests where id = $1`,
        [path.split('/').at(-1)],
      );
      expect(row.left.days * 24 + row.left.hours).to.be.within(71, 72);
      // Begun with the old link, finished after the new one was made.
      const slow = new Visitor(app.url);
      const begin = /href="(\/auth[^"]+)"/.exec((await slow.get(first)).text)?.[1] ?? '';
      const consent = new URL((await slow.get(begin)).location);
      await ada.form(`${path}/proof`, { method: 'sign_in' });
      const { link = '' } = await look(path);
      expect(link).not.to.equal(first);
      const decided = await fetch(new URL('/v2/auth/authorize/', consent), {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({
          ...{ query: consent.search.slice(1), account: 'links', decision: 'allow' },
        }),
      });
      expect((await slow.get(decided.headers.get('location') ?? '')).status).to.equal(404);
      expect((await slow.get(first)).status).to.equal(404);
      const denied = await new Visitor(app.url).signInBy(link, 'links', 'deny');
      expect(denied.callback.status, 'the link lives on').to.equal(403);
      await new Visitor(app.url).signInBy(link, 'links');
      expect((await new Visitor(app.url).get(link)).status).to.equal(404);
      await ada.form(`${path}/proof`, { method: 'sign_in' });
      const { link: last = '' } = await look(path);
      await sql(`update deletion_requests set proof_expires_at = now() where id = $1`, [
        path.split('/').at(-1),
      ]);
      const late = await new Visitor(app.url).get(last);
      const unknown = await new Visitor(app.url).get('/prove/madeup');
      expect(late.status).to.equal(404);
      const plain = (text: string) => text.replaceAll(/<code>[^<]+<\/code>/g, '');
      expect(plain(late.text)).to.equal(plain(unknown.text));
    });

    it('leaves the connection usable and revocable, whatever TikTok does to the stored token', async () => {
      const who = await person('connected');
      const path = await asked(who, 'sign_in');
      const visitor = new Visitor(app.url);
      await visitor.signInBy((await look(path)).link ?? '', 'connected');
      const live = app.sandbox.state.grants.find(({ open_id }) => open_id === who.open_id);
      const stored = await findGrant(ctx.db, who.id);
      expect(stored && openTokens(ctx, stored).access_token).to.equal(live?.access_token);
      expect(revoked()).not.to.contain(who.open_id);
    });

    it('keeps no token of who signed in with another account, and ends no connection of theirs', async () => {
      const other = await person('signs.instead');
      const before = await findGrant(ctx.db, other.id);
      const path = await asked(await person('meant.instead'), 'sign_in');
      const { link = '' } = await look(path);
      const { page } = await new Visitor(app.url).signInBy(link, 'signs.instead');
      expect(page.text).to.contain('nothing was connected');
      expect(await findGrant(ctx.db, other.id)).to.deep.equal(before);
      expect(revoked()).not.to.contain(other.open_id);
    });

    it('connects nobody anew from whom TikTok had removed the permission, match or no match', async () => {
      const removed = [await person('removed.one'), await person('removed.two')];
      for (const { open_id } of removed) {
        await removeAuthorization(ctx, open_id, { reason: 1, at: new Date(Date.now() + 1_000) });
      }
      const path = await asked(removed[0] as Seeded, 'sign_in');
      for (const [name, words] of [
        ['removed.two', 'nothing was connected'],
        ['removed.one', 'Delete everything about'],
      ] as const) {
        await ada.form(`${path}/proof`, { method: 'sign_in' });
        const { link = '' } = await look(path);
        const { page } = await new Visitor(app.url).signInBy(link, name);
        expect(page.text).to.contain(words);
      }
      for (const { id, open_id } of removed) {
        expect(await findGrant(ctx.db, id)).to.equal(undefined);
        expect(revoked()).to.contain(open_id);
      }
    });

    it('stores no token for whoever began to leave during the sign-in, but gives it back', async () => {
      const who = await person('leaves.meanwhile');
      const before = await findGrant(ctx.db, who.id);
      const { link = '' } = await look(await asked(who, 'sign_in'));
      const signingIn = await ctx.db.transaction(async (trx) => {
        await markLeaving(trx, who.id);
        const visit = new Visitor(app.url).signInBy(link, 'leaves.meanwhile');
        await Promise.race([visit, waitsForLock()]);
        return { visit };
      });
      await signingIn.visit;
      expect(await findGrant(ctx.db, who.id)).to.deep.equal(before);
      expect(revoked()).to.contain(who.open_id);
    });

    const revoked = () => app.sandbox.state.revocations.map(({ open_id }) => open_id);

    async function waitsForLock(): Promise<void> {
      const waiting = `select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%creators%'`;
      while ((await sql(waiting)).length === 0) await sleep(20);
    }
  });

  describe('by what is seen at the account', () => {
    const fresh = (who: Seeded, days: number) =>
      sql(`update creators set name_confirmed_at = now() - $2 * interval '1 day' where id = $1`, [
        who.id,
        days,
      ]);

    it('takes a code in the bio from TikTok itself, where the account allowed that', async () => {
      const who = await person('bio.api');
      const grant = app.sandbox.state.grants.find(({ open_id }) => open_id === who.open_id);
      grant?.scopes.push('user.info.profile');
      await sql(
        `update grants set scopes = scopes || '{user.info.profile}' where creator_id = $1`,
        [who.id],
      );
      const path = await asked(who, 'bio');
      const { code = '', reply } = await look(path);
      expect(code).to.match(/^[A-Z2-9]{8}$/);
      expect(reply).to.contain(code);
      const missing = await ada.form(`${path}/verification`, { note: 'I saw it, really' });
      expect(missing.status).to.equal(409);
      expect(missing.text).to.contain('the code is not in it');
      const bio = app.sandbox.state.accounts.find(({ username }) => username === 'bio.api');
      if (bio) bio.bio = `my videos · ${code.toLowerCase()}`;
      expect((await ada.form(`${path}/verification`)).status).to.equal(303);
      expect((await look(path)).state).to.equal('verified');
      expect((await ada.form(`${path}/execution`)).status, 'no name proof, no wait').to.equal(303);
    });

    it('needs what was seen in words, and is enough where TikTok confirmed the name within 7 days', async () => {
      const who = await person('bio.eye');
      await fresh(who, 6.9);
      const path = await asked(who, 'bio');
      expect((await ada.form(`${path}/verification`, { note: '  ' })).status).to.equal(400);
      expect((await look(path)).state).to.equal('identity_asked');
      await ada.form(`${path}/verification`, { note: `${CANARY} in the bio at 14:02` });
      expect((await look(path)).text).to.contain('in the bio at 14:02');
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      const { text } = await ended(path, 'done');
      expect(text, 'notes go with the data').not.to.contain(CANARY);
      const notes = await sql(
        'select 1 from deletion_request_events where request_id = $1 and note is not null',
        [path.split('/').at(-1)],
      );
      expect(notes).to.deep.equal([]);
    });

    it('waits 7 days or for another operator where the name may have changed hands, and says so to the account', async () => {
      const creator = await app.creator('old.name');
      const who = { id: creator.creator_id } as Seeded;
      await fresh(who, 7.1);
      const other = await ada.form(`${await enter({ username: 'old.name' })}/proof`, {
        method: 'other',
      });
      expect(other.status, 'described, and of a chosen account').to.equal(400);
      const path = await asked(who, 'other', { description: 'Add a sun to the display name' });
      await ada.form(`${path}/verification`, { note: 'the sun is there' });
      const waiting = await look(path);
      expect(waiting.state).to.equal('verified');
      expect(waiting.reply).to.contain('change hands');
      const early = await ada.form(`${path}/execution`);
      expect(early.status).to.equal(409);
      expect(early.text).to.contain('names change hands');
      const again = await ada.form(`${path}/verification`, { note: 'still there' });
      expect(again.text).to.contain('must come from another operator');
      const [number] = /request (\d+)/.exec(waiting.reply)?.slice(1) ?? [];
      const dashboard = await creator.page('/jobs');
      expect(dashboard.text).to.contain('data-notice').and.to.contain(`name request ${number}`);
      expect((await bob.form(`${path}/verification`, { note: '' })).status).to.equal(400);
      await bob.form(`${path}/verification`, { note: 'seen by me, too' });
      expect((await creator.page('/jobs')).text).not.to.contain('data-notice');
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      await ended(path, 'done');
    });

    it('may go on alone when the 7 days are over', async () => {
      const who = await person('waited');
      const path = await asked(who, 'other', { description: 'Follow our account' });
      await ada.form(`${path}/verification`, { note: 'follows' });
      const [{ wait }] = await sql(
        `select execute_after - now() as wait from deletion_requests where id = $1`,
        [path.split('/').at(-1)],
      );
      expect(wait.days * 24 + (wait.hours ?? 0)).to.be.within(167, 168);
      await sql('update deletion_requests set execute_after = now() where id = $1', [
        path.split('/').at(-1),
      ]);
      expect((await ada.form(`${path}/execution`)).status).to.equal(303);
      await ended(path, 'done');
    });

    it('confirms the name whenever TikTok tells it', async () => {
      const creator = await app.creator('confirmed.name');
      const at = async () =>
        (
          await sql('select name_confirmed_at as at from creators where id = $1', [
            creator.creator_id,
          ])
        )[0].at as Date | null;
      expect(Date.now() - Number(await at())).to.be.lessThan(60_000);
      await fresh({ id: creator.creator_id } as Seeded, 30);
      await creator.api('GET', '/v1/creators/me/posting_options');
      expect(Date.now() - Number(await at())).to.be.lessThan(60_000);
    });
  });

  it('voids what was proved when another account is chosen', async () => {
    const [one, two] = [await person('proved.one'), await person('other.one')];
    await sql('update creators set name_confirmed_at = now() where id = $1', [one.id]);
    const path = await asked(one, 'bio');
    await ada.form(`${path}/verification`, { note: 'seen' });
    expect((await look(path)).state).to.equal('verified');
    expect((await ada.form(`${path}/creator`, { creator_id: 'nobody' })).status).to.equal(400);
    expect((await look(path)).state).to.equal('verified');
    await ada.form(`${path}/creator`, { creator_id: two.id });
    const now = await look(path);
    expect(now.state).to.equal('received');
    expect(now.text).to.contain('is void');
    expect((await ada.form(`${path}/execution`)).status).to.equal(409);
    expect([await exists(one), await exists(two)]).to.deep.equal([true, true]);
  });

  describe('with two operators at once', () => {
    it('keeps the first act, and shows the second how it is now', async () => {
      const [one, two] = [await person('first.choice'), await person('second.choice')];
      const path = await enter({ username: 'first.choice' });
      const { version = '' } = await look(path);
      const first = await ada.form(`${path}/creator`, { creator_id: one.id, version });
      const second = await bob.form(`${path}/creator`, { creator_id: two.id, version });
      expect([first.status, second.status]).to.deep.equal([303, 409]);
      expect(second.text).to.contain('state_conflict').and.to.contain('Nothing of yours was saved');
      expect(second.text).to.contain('data-state="received"');
      const refusal = await bob.form(`${path}/refusal`, { reason: 'No account', version });
      expect(refusal.status).to.equal(409);
      const [row] = await sql('select creator_id, state from deletion_requests where id = $1', [
        path.split('/').at(-1),
      ]);
      expect(row).to.deep.equal({ creator_id: one.id, state: 'received' });
    });

    it('begins one deletion when both press the button', async () => {
      const who = await person('pressed.twice');
      await sql('update creators set name_confirmed_at = now() where id = $1', [who.id]);
      const path = await asked(who, 'other', { description: 'x' });
      await ada.form(`${path}/verification`, { note: 'seen' });
      const { version = '' } = await look(path);
      const answers = await Promise.all([
        ada.form(`${path}/execution`, { version }),
        bob.form(`${path}/execution`, { version }),
      ]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([303, 409]);
      await ended(path, 'done');
      const begun = await sql(
        `select operator_email from deletion_request_events where request_id = $1 and name = 'execution_begun'`,
        [path.split('/').at(-1)],
      );
      expect(begun).to.have.length(1);
    });
  });

  it('writes down who did what and when, with the number and no name in the audit log', async () => {
    const who = await person('logged');
    const path = await asked(who, 'bio');
    await bob.form(`${path}/refusal`, { reason: 'Not shown by logged (@logged, Nick of logged)' });
    const id = path.split('/').at(-1);
    const events = await sql(
      'select name, operator_email, note from deletion_request_events where request_id = $1 order by id',
      [id],
    );
    expect(events).to.deep.equal([
      { name: 'entered', operator_email: 'ada@agency.example', note: null },
      { name: 'account_chosen', operator_email: 'ada@agency.example', note: null },
      { name: 'asked_by_bio', operator_email: 'ada@agency.example', note: null },
      { name: 'refused', operator_email: 'bob@agency.example', note: null },
    ]);
    const [row] = await sql('select * from deletion_requests where id = $1', [id]);
    expect(row.refusal_reason).to.contain('Not shown').and.not.to.contain('logged');
    expect(row).to.include({ creator_id: null, details: null, username: null, bio_code: null });
    const lines = await sql(
      'select act, subject, note from audit_log where subject = $1 order by id',
      [`request ${row.number}`],
    );
    expect(lines.map(({ act }) => act)).to.deep.equal(
      events.map(({ name }) => `deletion_request.${name}`),
    );
    expect(JSON.stringify(lines)).not.to.contain('logged').and.not.to.contain(who.id);
  });

  it('answers a verified request when the person leaves by themselves, and tells an unverified one nothing', async () => {
    const who = await person('left.alone');
    await sql('update creators set name_confirmed_at = now() where id = $1', [who.id]);
    const verified = await asked(who, 'other', { description: 'x' });
    await ada.form(`${verified}/verification`, { note: 'seen' });
    const unverified = await asked(who, 'bio');
    const mentioning = await enter({
      details: `${who.id}, ${who.id.toUpperCase()} and ${who.open_id} are mine`,
    });
    await requestDeletion(ctx, who.id, 'self_service');
    await ended(verified, 'done');
    const left = await look(unverified);
    expect(left.state).to.equal('received');
    expect(left.text).to.contain('deleted by another way').and.not.to.contain(CANARY);
    expect(left.reply).not.to.contain('/deletions/');
    const other = (await look(mentioning)).text;
    expect(other).to.contain('are mine').and.not.to.contain(who.id);
    expect(other).not.to.contain(who.id.toUpperCase());
    expect(other).not.to.contain(who.open_id);
  });

  it('keeps the bare record for its term, and then nothing', async () => {
    const tables = declaredTables(ctx.modules);
    const term = tables['deletion_requests']?.ends as Term;
    const sweep = () =>
      removeEnded(ctx.db, { table: 'deletion_requests', term }, ctx.config, 1_000);
    const path = await enter({ username: 'forget.me' });
    const open = await enter({ username: 'still.open' });
    await ada.form(`${path}/refusal`, { reason: 'Withdrawn by the person' });
    const id = path.split('/').at(-1);
    const close = (days: number) =>
      sql(`update deletion_requests set closed_at = now() - $2 * interval '1 day' where id = $1`, [
        id,
        days,
      ]);
    await close(364);
    expect(await sweep()).to.equal(0);
    await close(366);
    expect(await sweep()).to.equal(1);
    expect((await ada.page(path)).status).to.equal(404);
    expect((await look(open)).state).to.equal('received');
  });
});
