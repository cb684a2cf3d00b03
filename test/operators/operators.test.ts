// Shows how operators sign in, protect their accounts, and manage each other.
import { expect } from 'chai';
import { TOTP } from 'otpauth';
import { type Appliance, anAppliance } from '../support/appliance.ts';
import { ADMIN, OperatorClient, signedInOperator } from '../support/operator.ts';
import { query } from '../support/sql.ts';

const EMAIL = ADMIN['ADMIN_EMAIL'] as string;
const PASSWORD = ADMIN['ADMIN_PASSWORD'] as string;

describe('an operator', () => {
  let app: Appliance;
  let operator: OperatorClient;
  before(async () => {
    app = await anAppliance(ADMIN);
    operator = await signedInOperator(app.url);
  });
  after(() => app[Symbol.asyncDispose]());

  const sql = (text: string, values?: unknown[]) => query(app.database_url, text, values);
  const acts = async () =>
    (await sql('select act, subject from audit_log order by id')).map((row) => row.act);

  describe('who signs in', () => {
    it('is led to the overview, with a cookie for the admin pages of this site alone', async () => {
      const own = new OperatorClient(app.url);
      const answer = await own.signIn(EMAIL.toLowerCase(), PASSWORD);
      expect(answer.status).to.equal(303);
      expect(answer.headers.get('location')).to.equal('/admin');
      const [cookie] = answer.headers.getSetCookie();
      expect(cookie).to.match(
        /^pm3k_operator=\w{40,}; HttpOnly; Max-Age=\d+; Path=\/admin; SameSite=Strict$/,
      );
      const seconds = Number(/Max-Age=(\d+)/.exec(cookie ?? '')?.[1]);
      expect(seconds).to.be.within(12 * 3600 - 60, 12 * 3600);
      const { status, text } = await own.page('/admin');
      expect(status).to.equal(200);
      expect(text).to.contain('ada@agency.example');
    });

    it('gets a new session, and the one of before opens nothing', async () => {
      const own = await signedInOperator(app.url);
      const before = own.cookie;
      await own.signIn(EMAIL, PASSWORD);
      expect(own.cookie).not.to.equal(before);
      expect((await new OperatorClient(app.url, before).page('/admin')).status).to.equal(303);
      expect((await own.page('/admin')).status).to.equal(200);
    });

    it('is refused with one answer, whether email or password is wrong', async () => {
      const answers = [
        await new OperatorClient(app.url).signIn('nobody@agency.example', PASSWORD),
        await new OperatorClient(app.url).signIn(EMAIL, 'a wrong password'),
        await new OperatorClient(app.url).signIn('', ''),
      ];
      const texts = answers.map(({ text }) => text.replace(/value="[^"]*"/, ''));
      expect(answers.map(({ status }) => status)).to.deep.equal([403, 403, 403]);
      expect(new Set(texts).size).to.equal(1);
      for (const { headers } of answers) expect(headers.getSetCookie()).to.deep.equal([]);
    });

    it('is refused from another origin, and without any proof of origin', async () => {
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': '', origin: 'https://evil.example' },
        { 'sec-fetch-site': '' },
      ]) {
        for (const path of ['/admin/sign-in', '/admin/operators', '/admin/sign-out']) {
          const fields = { email: EMAIL, password: PASSWORD };
          const { status } = await operator.form(path, fields, headers as Record<string, string>);
          expect(status, `${path} ${JSON.stringify(headers)}`).to.equal(403);
        }
      }
      expect((await operator.page('/admin')).status).to.equal(200);
    });

    it('signs out, and the cookie opens nothing any more', async () => {
      const own = await signedInOperator(app.url);
      const { status, headers } = await own.form('/admin/sign-out');
      expect(status).to.equal(303);
      expect(headers.getSetCookie()[0]).to.contain('pm3k_operator=; ');
      expect((await own.page('/admin')).status).to.equal(303);
    });
  });

  describe('who is not signed in', () => {
    it('is led to the sign-in from every page, and a script’s request leads the whole page', async () => {
      const stranger = new OperatorClient(app.url);
      for (const path of ['/admin', '/admin/operators', '/admin/creators', '/admin/audit']) {
        const { status, headers } = await stranger.page(path);
        expect(status, path).to.equal(303);
        expect(headers.get('location')).to.equal('/admin/sign-in');
      }
      const { status, headers } = await stranger.page('/admin', { 'hx-request': 'true' });
      expect(status).to.equal(204);
      expect(headers.get('hx-redirect')).to.equal('/admin/sign-in');
    });

    it('adds nobody and removes nobody', async () => {
      const stranger = new OperatorClient(app.url);
      const [own] = await sql('select id from operators');
      await stranger.form('/admin/operators', { email: 'mallory@evil.example' });
      await stranger.form(`/admin/operators/${own.id}/removal`);
      expect(await sql('select id from operators')).to.deep.equal([own]);
    });

    it('is a creator who is signed in, and the other way round', async () => {
      const creator = await app.creator();
      expect((await creator.page('/admin')).status).to.equal(303);
      expect((await operator.page('/jobs')).status).to.equal(303);
      const value = (cookie: string) => cookie.split('=')[1];
      const forged = new OperatorClient(app.url, `pm3k_operator=${value(creator.cookie)}`);
      expect((await forged.page('/admin')).status).to.equal(303);
      const otherWay = new OperatorClient(app.url, `pm3k_session=${value(operator.cookie)}`);
      expect((await otherWay.page('/jobs')).status).to.equal(303);
    });
  });

  describe('who fails ten times in a row', () => {
    let locked: OperatorClient;
    before(async () => {
      locked = await operator.addOperator('bo@agency.example');
    });

    it('is locked, tried one by one or all at once, and is told nothing of it', async () => {
      const wrong = () =>
        new OperatorClient(app.url).signIn('bo@agency.example', 'a wrong password');
      const answers = await Promise.all(Array.from({ length: 14 }, wrong));
      const right = await new OperatorClient(app.url).signIn(
        'bo@agency.example',
        'another long password',
      );
      expect(right.status).to.equal(403);
      expect(new Set([...answers, right].map(({ text }) => text)).size).to.equal(1);
      const [row] = await sql(
        `select failures, extract(epoch from locked_until - now())::int as seconds
           from operators where email = 'bo@agency.example'`,
      );
      expect(row.failures).to.equal(10);
      expect(row.seconds).to.be.within(14 * 60, 15 * 60);
      expect(await acts()).to.include('operator.locked_out');
    });

    it('keeps the sessions of before', async () => {
      expect((await locked.page('/admin')).status).to.equal(200);
    });

    it('may try again when the quarter of an hour is over', async () => {
      await sql(`update operators set locked_until = now() where email = 'bo@agency.example'`);
      const wrong = await new OperatorClient(app.url).signIn(
        'bo@agency.example',
        'a wrong password',
      );
      expect(wrong.status).to.equal(403);
      const right = await new OperatorClient(app.url).signIn(
        'bo@agency.example',
        'another long password',
      );
      expect(right.status).to.equal(303);
      const rows = await sql(
        `select failures, locked_until from operators where email = 'bo@agency.example'`,
      );
      expect(rows).to.deep.equal([{ failures: 0, locked_until: null }]);
    });
  });

  describe('with a second factor', () => {
    let own: OperatorClient;
    let totp: TOTP;
    const email = 'cy@agency.example';
    const password = 'another long password';
    // At any time the codes of three half minutes are valid.
    const code = (steps: number) => totp.generate({ timestamp: Date.now() + steps * 30_000 });
    /** Forgets which code was used last, as if half a minute had passed. */
    const later = () => sql('update operators set totp_last_step = 0 where email = $1', [email]);

    before(async () => {
      own = await operator.addOperator(email);
      await own.form('/admin/second-factor');
      const { text } = await own.page('/admin/second-factor');
      const secret = /<code id="secret">([A-Z2-7]{32})</.exec(text)?.[1] ?? '';
      expect(text).to.contain('<svg');
      expect(text).to.contain(`otpauth://totp/PM3K:cy%40agency.example?issuer=PM3K&amp;secret=`);
      totp = new TOTP({ secret });
    });

    it('signs in without a code until one was confirmed', async () => {
      expect((await new OperatorClient(app.url).signIn(email, password)).status).to.equal(303);
      for (const wrong of ['', '000000', 'abcdef', '1234567']) {
        const { status, text } = await own.form('/admin/second-factor/confirmation', {
          code: wrong === code(0) ? '000001' : wrong,
        });
        expect(status, wrong).to.equal(400);
        expect(text).to.contain('This code is wrong');
      }
    });

    it('confirms it by a code, which ends the other sessions', async () => {
      const other = new OperatorClient(app.url);
      await other.signIn(email, password);
      const answer = await own.form('/admin/second-factor/confirmation', { code: code(0) });
      expect(answer.status).to.equal(303);
      expect((await other.page('/admin')).status).to.equal(303);
      expect((await own.page('/admin/account')).text).to.contain('Set up.');
    });

    it('needs a code to sign in, and each code works once', async () => {
      await later();
      const used = code(0);
      const attempts = [
        await new OperatorClient(app.url).signIn(email, password),
        await new OperatorClient(app.url).signIn(email, 'a wrong password', used),
        await new OperatorClient(app.url).signIn(email, password, used),
        await new OperatorClient(app.url).signIn(email, password, used),
        await new OperatorClient(app.url).signIn(email, password, code(-1)),
      ];
      expect(attempts.map(({ status }) => status)).to.deep.equal([403, 403, 303, 403, 403]);
    });

    it('cannot use one code twice at once', async () => {
      await later();
      const same = code(0);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => new OperatorClient(app.url).signIn(email, password, same)),
      );
      expect(answers.filter(({ status }) => status === 303)).to.have.length(1);
    });

    it('keeps its secret sealed in the database', async () => {
      const [row] = await sql('select totp_secret from operators where email = $1', [email]);
      expect(row.totp_secret).to.match(/^v1\./);
      expect(row.totp_secret).not.to.contain(totp.secret.base32);
    });

    it('cannot replace it by another one, and removes it with a code alone', async () => {
      expect((await own.form('/admin/second-factor')).status).to.equal(409);
      await later();
      const wrong = await own.form('/admin/second-factor/removal', { code: '12' });
      expect(wrong.status).to.equal(400);
      const right = await own.form('/admin/second-factor/removal', { code: code(0) });
      expect(right.status).to.equal(303);
      expect((await new OperatorClient(app.url).signIn(email, password)).status).to.equal(303);
    });
  });

  describe('who looks after the account', () => {
    let own: OperatorClient;
    const email = 'di@agency.example';
    before(async () => {
      own = await operator.addOperator(email);
    });

    it('ends a session, or all others, and these open nothing at once', async () => {
      const [second, third] = [new OperatorClient(app.url), new OperatorClient(app.url)];
      await second.signIn(email, 'another long password');
      const handles = async () =>
        [...(await own.page('/admin/account')).text.matchAll(/name="handle" value="(\w+)"/g)].map(
          (found) => found[1] as string,
        );
      const [newest] = await handles();
      expect((await second.page('/admin')).status).to.equal(200);
      await own.form('/admin/sessions/removal', { handle: newest as string });
      expect((await second.page('/admin')).status).to.equal(303);
      await third.signIn(email, 'another long password');
      await own.form('/admin/sessions/removal');
      expect((await third.page('/admin')).status).to.equal(303);
      expect(await handles()).to.have.length(1);
      expect((await own.page('/admin')).status).to.equal(200);
    });

    it('cannot end a session of somebody else', async () => {
      const { text } = await own.page('/admin/account');
      const handle = /name="handle" value="(\w+)"/.exec(text)?.[1] as string;
      await operator.form('/admin/sessions/removal', { handle });
      expect((await own.page('/admin')).status).to.equal(200);
    });

    it('changes the password with the old one alone, which ends the other sessions', async () => {
      const other = new OperatorClient(app.url);
      await other.signIn(email, 'another long password');
      const change = (current: string, password: string) =>
        own.form('/admin/password', { current, password });
      expect((await change('a wrong password', 'a third long password')).status).to.equal(400);
      expect((await change('another long password', 'short')).text).to.contain('12 or more');
      expect((await change('another long password', 'another long password')).status).to.equal(400);
      expect((await other.page('/admin')).status).to.equal(200);
      expect((await change('another long password', 'a third long password')).status).to.equal(303);
      expect((await other.page('/admin')).status).to.equal(303);
      expect((await own.page('/admin')).status).to.equal(200);
      expect(
        (await new OperatorClient(app.url).signIn(email, 'another long password')).status,
      ).to.equal(403);
      expect(
        (await new OperatorClient(app.url).signIn(email, 'a third long password')).status,
      ).to.equal(303);
    });
  });

  describe('who adds and removes others', () => {
    it('sees the password once, and the other one must replace it first', async () => {
      const { text } = await operator.form('/admin/operators', { email: 'Ed@agency.example' });
      const given = /<code id="given">(\w{20,})</.exec(text)?.[1] as string;
      expect((await operator.page('/admin/operators')).text).not.to.contain(given);
      const other = new OperatorClient(app.url);
      expect((await other.signIn('ed@agency.example', given)).status).to.equal(303);
      for (const path of ['/admin', '/admin/operators', '/admin/second-factor']) {
        const { status, headers } = await other.page(path);
        expect([status, headers.get('location')]).to.deep.equal([303, '/admin/password']);
      }
      await other.form('/admin/operators', { email: 'eve@evil.example' });
      expect(await sql(`select 1 from operators where email like 'eve%'`)).to.deep.equal([]);
    });

    it('cannot add one twice, or something that is no email', async () => {
      for (const email of ['ed@agency.example', 'ED@agency.example', 'nonsense', '']) {
        const { status, text } = await operator.form('/admin/operators', { email });
        expect(status, email).to.equal(400);
        expect(text).to.contain('role="alert"');
      }
    });

    it('removes one, whose sessions and password open nothing any more', async () => {
      const other = await operator.addOperator('flo@agency.example');
      const [{ id }] = await sql(`select id from operators where email = 'flo@agency.example'`);
      expect((await operator.form(`/admin/operators/${id}/removal`)).status).to.equal(303);
      expect((await other.page('/admin')).status).to.equal(303);
      const answer = await new OperatorClient(app.url).signIn(
        'flo@agency.example',
        'another long password',
      );
      expect(answer.status).to.equal(403);
      expect((await operator.form(`/admin/operators/${id}/removal`)).status).to.equal(404);
      expect((await operator.form('/admin/operators/nonsense/removal')).status).to.equal(404);
    });

    it('cannot remove the one whom ADMIN_EMAIL would bring back', async () => {
      const [{ id }] = await sql(`select id from operators where email = 'ada@agency.example'`);
      const { status, text } = await operator.form(`/admin/operators/${id}/removal`);
      expect(status).to.equal(409);
      expect(text).to.contain('ADMIN_EMAIL');
    });

    it('leaves a line for each act, which every operator may read', async () => {
      const { text } = await operator.page('/admin/audit');
      expect(text).to.contain('removed operator');
      expect(text).to.contain('flo@agency.example');
      expect(text).to.contain('set up second factor');
    });
  });

  it('leaves no email, password, code or cookie in the log', async () => {
    await app.untilPrinted('operator.signed_in');
    for (const secret of [PASSWORD, 'agency.example', 'long password', operator.cookie.slice(14)]) {
      expect(app.output()).not.to.contain(secret);
    }
  });
});
