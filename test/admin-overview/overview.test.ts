// Shows what the overview of the admin pages counts.
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { ADMIN, type OperatorClient, readWords, signedInOperator } from '../support/operator.ts';
import { query } from '../support/sql.ts';
import { video } from '../support/videos.ts';

describe('the admin pages', () => {
  let app: Appliance;
  let operator: OperatorClient;
  let creator: Client;
  before(async () => {
    app = await anAppliance(ADMIN);
    operator = await signedInOperator(app.url);
    creator = await app.creator('winter.shop');
  });
  after(() => app[Symbol.asyncDispose]());

  const sql = (text: string, values?: unknown[]) => query(app.database_url, text, values);
  const overview = async () => readWords((await operator.page('/admin')).text);

  describe('overview', () => {
    it('says that nothing needs a person when nothing does', async () => {
      const text = await overview();
      expect(text).to.contain('1 creator 0 posted in 24 hours 0 failed in 24 hours 0 kB of media');
      expect(text).to.contain('0 open requests 0 deletions under way');
      expect(text).to.contain('Nothing at the moment.');
      expect(text).to.contain('Nothing has been removed yet.');
    });

    it('counts posts, failures, files, requests and deletions', async () => {
      const { json } = await creator.upload(await video());
      const job = await creator.api('POST', '/v1/jobs', creator.job(json['storage_key']));
      await creator.ended(job.json['id']);
      const copy = async (state: string, finishedAt: string) =>
        sql(
          `insert into jobs (creator_id, mode, send_at, state, title, destination, settings, source_key, finished_at)
           select creator_id, mode, send_at, $1, title, destination, settings, source_key, now() - $2::interval from jobs limit 1`,
          [state, finishedAt],
        );
      await copy('failed', '23 hours');
      await copy('failed', '25 hours');
      await copy('finished', '25 hours');
      await copy('unconfirmed', '25 hours');
      await sql(
        `insert into deletions (receipt_token, method, traces, done_at) values ('a', 'api', 2, null), ('b', 'api', 0, now())`,
      );
      const text = await overview();
      expect(text).to.match(/1 posted in 24 hours 1 failed in 24 hours [\d.]+ (kB|MB) of media/);
      expect(text).to.contain('1 deletion under way');
      expect(text).to.contain('1 deletion with traces left');
      expect(text).to.contain('1 unconfirmed post');
    });

    it('lists requests with a week left or less, the most pressing first', async () => {
      await sql(
        `insert into deletion_requests (received_at, state, closed_at)
         select now() - days * interval '1 day', state,
                case when state in ('done', 'refused') then now() end from (values
           (31.5, 'received'), (30.5, 'received'), (29.9, 'identity_asked'), (23.5, 'received'), (10, 'received'),
           (40, 'done'), (40, 'refused')) as given (days, state)`,
      );
      const text = await overview();
      expect(text).to.contain('5 open requests');
      expect(text).to.match(/request 1 ✕ 1 day overdue .*request 2 ✕ Overdue since today /);
      expect(text).to.match(/request 3 ◷ 1 day left .*request 4 ◷ 7 days left/);
      const listWords = readWords((await operator.page('/admin/deletions')).text);
      for (const said of ['1 day overdue', 'Overdue since today', '1 day left', '7 days left']) {
        expect(listWords).to.contain(said);
      }
      for (const number of [5, 6, 7]) expect(text).not.to.contain(`request ${number} `);
    });

    it('tells what was swept, by the words of its declaration', async () => {
      await sql(
        `insert into sweeps (what, removed, bytes, ms) values ('request_log', 1234, 0, 5), ('working_copies', 3, 5000000, 5)`,
      );
      const text = await overview();
      expect(text).to.match(/Working copies 3 5 MB/);
      expect(text).to.match(/1,234 –/);
      expect(text).not.to.contain('request_log');
    });
  });
});
