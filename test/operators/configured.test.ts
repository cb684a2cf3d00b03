// Shows how ADMIN_EMAIL and ADMIN_PASSWORD make an operator, and how sign-ins are limited.
import { expect } from 'chai';
import { openDatabase } from '../../src/base/database.ts';
import { insertOperator, listOperators, removeOperator } from '../../src/operators/store.ts';
import { type Appliance, anAppliance, type Env } from '../support/appliance.ts';
import { freshDatabase } from '../support/database.ts';
import { ADMIN, OperatorClient, signedInOperator } from '../support/operator.ts';
import { query } from '../support/sql.ts';

describe('the configured operator', () => {
  let app: Appliance;
  const env: Env = { ...ADMIN, SIGN_INS_PER_MINUTE: '100' };
  before(async () => {
    app = await anAppliance(env);
  });
  after(() => app[Symbol.asyncDispose]());

  const email = ADMIN['ADMIN_EMAIL'] as string;
  const status = async (password: string) =>
    (await new OperatorClient(app.url).signIn(email, password)).status;
  const sql = (text: string) => query(app.database_url, text);
  const restart = async (password: string) => {
    await app.stop();
    await app.start({ ADMIN_PASSWORD: password });
  };

  it('keeps a password changed on the pages until the configured one changes', async () => {
    const operator = await signedInOperator(app.url);
    const first = ADMIN['ADMIN_PASSWORD'] as string;
    await operator.form('/admin/password', { current: first, password: 'chosen on the pages' });
    await restart(first);
    expect(await status(first)).to.equal(403);
    expect(await status('chosen on the pages')).to.equal(303);
    expect((await operator.page('/admin')).status).to.equal(200);

    await restart('configured anew, and long');
    expect(await status('chosen on the pages')).to.equal(403);
    expect(await status('configured anew, and long')).to.equal(303);
    expect((await operator.page('/admin')).status, 'sessions of before').to.equal(303);
  });

  it('is let in again by a new password after a lock-out', async () => {
    await sql(`update operators set failures = 10, locked_until = now() + interval '1 hour'`);
    await restart('configured anew, and long');
    expect(await status('configured anew, and long')).to.equal(403);
    await restart('configured a third time');
    expect(await status('configured a third time')).to.equal(303);
  });

  it('is one, when several processes start at once', async () => {
    await Promise.all([app.startWorker(), app.startWorker()]);
    expect(await sql('select email from operators')).to.deep.equal([
      { email: 'ada@agency.example' },
    ]);
  });

  it('is stopped by the limit per address, however many emails are tried', async () => {
    await app.stop();
    await sql('delete from rate_limits');
    await app.start({ SIGN_INS_PER_MINUTE: '3' });
    const tried: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      tried.push(
        (await new OperatorClient(app.url).signIn(`n${n}@agency.example`, 'wrong')).status,
      );
    }
    // A new minute may begin once in between.
    expect(tried.filter((each) => each === 403).length).to.be.within(3, 4);
    expect(tried).to.include(429);
  });

  it('may go when no setting names it, but the last operator stays', async () => {
    await app.stop();
    await app.start({ ADMIN_EMAIL: '', ADMIN_PASSWORD: '' });
    const operator = await signedInOperator(app.url);
    await operator.addOperator('bo@agency.example');
    const ids = await sql('select id from operators order by email desc');
    const removal = async (id: string) =>
      (await operator.form(`/admin/operators/${id}/removal`)).status;
    const [bo, ada] = ids.map(({ id }) => id);
    expect(await removal(bo)).to.equal(303);
    expect(await removal(ada)).to.equal(409);
    expect(await sql('select id from operators')).to.deep.equal([{ id: ada }]);
  });

  it('stores no password, neither on a row nor in the audit log', async () => {
    const [{ text }] = await sql(
      `select string_agg(operators::text, ' ') || (select string_agg(audit_log::text, ' ') from audit_log) as text from operators`,
    );
    for (const secret of ['configured', 'chosen on the pages', 'long password']) {
      expect(
        text.replaceAll('got_configured_password', '').replaceAll('added_as_configured', ''),
      ).not.to.contain(secret);
    }
  });
});

describe('the last two operators', () => {
  it('cannot remove each other at once', async () => {
    const db = openDatabase((await freshDatabase()).connection);
    const add = (email: string) => insertOperator(db, { email, password_hash: 'none' });
    const [ada, bo] = [await add('ada@agency.example'), await add('bo@agency.example')];
    const first = await db.transaction();
    await removeOperator(first, ada?.id as string);
    const second = db.transaction((trx) => removeOperator(trx, bo?.id as string));
    let answer: string | undefined;
    const answered = second.then(
      () => (answer = 'removed'),
      (error) => (answer = error.code),
    );
    // Waits until the request has an answer or waits for the first one.
    const isWaiting = async () => (await db('pg_locks').where({ granted: false })).length > 0;
    while (answer === undefined && !(await isWaiting()));
    await first.commit();
    await answered;
    expect(answer).to.equal('state_conflict');
    expect(await listOperators(db)).to.have.length(1);
    await db.destroy();
  });
});

describe('without a configured operator', () => {
  it('nobody can sign in, and the page answers as always', async () => {
    await using app = await anAppliance();
    const { status } = await new OperatorClient(app.url).signIn(
      'ada@agency.example',
      'a very long password',
    );
    expect(status).to.equal(403);
  });
});
