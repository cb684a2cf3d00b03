// Shows how a request leads to one deletion, and what is kept of a request that is closed.
import { expect } from 'chai';
import type { Term } from '../../src/base/declaration.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { declaredTables } from '../../src/privacy/eraser.ts';
import { removeEnded } from '../../src/retention/store.ts';
import type { OperatorClient } from '../support/operator.ts';
import { aRequestSite, CANARY, type RequestSite } from '../support/request-site.ts';

describe('a deletion request that is decided', () => {
  let site: RequestSite;
  let ada: OperatorClient;
  let bob: OperatorClient;
  let ctx: RequestSite['ctx'];
  before(async () => {
    site = await aRequestSite();
    ({ ada, bob, ctx } = site);
  });
  after(() => site?.[Symbol.asyncDispose]());

  it('begins one deletion when both press the button', async () => {
    const who = await site.person('pressed.twice');
    await site.sql('update creators set name_confirmed_at = now() where id = $1', [who.id]);
    const path = await site.ask(who, 'other', { description: 'x' });
    await ada.form(`${path}/verification`, { note: 'seen' });
    const { version = '' } = await site.look(path);
    const answers = await Promise.all([
      ada.form(`${path}/execution`, { version }),
      bob.form(`${path}/execution`, { version }),
    ]);
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([303, 409]);
    await site.waitFor(path, 'done');
    const begun = await site.sql(
      `select operator_email from deletion_request_events where request_id = $1 and name = 'execution_begun'`,
      [path.split('/').at(-1)],
    );
    expect(begun).to.have.length(1);
  });

  it('writes down who did what and when, with the number and no name in the audit log', async () => {
    const who = await site.person('logged');
    const path = await site.ask(who, 'bio');
    await bob.form(`${path}/refusal`, { reason: 'Not shown by logged (@logged, Nick of logged)' });
    const id = path.split('/').at(-1);
    const events = await site.sql(
      'select name, operator_email, note from deletion_request_events where request_id = $1 order by id',
      [id],
    );
    expect(events).to.deep.equal([
      { name: 'entered', operator_email: 'ada@agency.example', note: null },
      { name: 'account_chosen', operator_email: 'ada@agency.example', note: null },
      { name: 'asked_by_bio', operator_email: 'ada@agency.example', note: null },
      { name: 'refused', operator_email: 'bob@agency.example', note: null },
    ]);
    const [row] = await site.sql('select * from deletion_requests where id = $1', [id]);
    expect(row.refusal_reason).to.contain('Not shown').and.not.to.contain('logged');
    expect(row).to.include({ creator_id: null, details: null, username: null, bio_code: null });
    const lines = await site.sql(
      'select act, subject, note from audit_log where subject = $1 order by id',
      [`request ${row.number}`],
    );
    expect(lines.map(({ act }) => act)).to.deep.equal(
      events.map(({ name }) => `deletion_request.${name}`),
    );
    expect(JSON.stringify(lines)).not.to.contain('logged').and.not.to.contain(who.id);
  });

  it('answers a verified request when the person leaves by themselves, and tells an unverified one nothing', async () => {
    const who = await site.person('left.alone');
    await site.sql('update creators set name_confirmed_at = now() where id = $1', [who.id]);
    const verified = await site.ask(who, 'other', { description: 'x' });
    await ada.form(`${verified}/verification`, { note: 'seen' });
    const unverified = await site.ask(who, 'bio');
    const mentioning = await site.enter({
      details: `${who.id}, ${who.id.toUpperCase()} and ${who.open_id} are mine`,
    });
    await requestDeletion(ctx, who.id, 'self_service');
    await site.waitFor(verified, 'done');
    const left = await site.look(unverified);
    expect(left.state).to.equal('received');
    expect(left.text).to.contain('deleted by another way').and.not.to.contain(CANARY);
    expect(left.reply).not.to.contain('/deletions/');
    const other = (await site.look(mentioning)).text;
    expect(other).to.contain('are mine').and.not.to.contain(who.id);
    expect(other).not.to.contain(who.id.toUpperCase());
    expect(other).not.to.contain(who.open_id);
  });

  it('keeps the bare record for its term, and then nothing', async () => {
    const tables = declaredTables(ctx.modules);
    const term = tables['deletion_requests']?.ends as Term;
    const sweep = () =>
      removeEnded(ctx.db, { table: 'deletion_requests', term }, ctx.config, 1_000);
    const path = await site.enter({ username: 'forget.me' });
    const open = await site.enter({ username: 'still.open' });
    await ada.form(`${path}/refusal`, { reason: 'Withdrawn by the person' });
    const id = path.split('/').at(-1);
    const close = (days: number) =>
      site.sql(
        `update deletion_requests set closed_at = now() - $2 * interval '1 day' where id = $1`,
        [id, days],
      );
    await close(364);
    expect(await sweep()).to.equal(0);
    await close(366);
    expect(await sweep()).to.equal(1);
    expect((await ada.page(path)).status).to.equal(404);
    expect((await site.look(open)).state).to.equal('received');
  });
});
