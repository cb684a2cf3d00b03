// Shows what npm run settle does with posts and with what the storage knows, and when it refuses.
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client, TEST_SECRET } from '../support/appliance.ts';
import { runNode } from '../support/namespaces.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';

describe('npm run settle', () => {
  let app: Appliance;
  let client: Client;
  let id: string;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'warn' }, FAST);
    client = await app.creator('settled');
    const upload = await client.upload(await video());
    const scheduleAt = new Date(Date.now() + 3_600_000).toISOString();
    const more = { mode: 'schedule', schedule_at: scheduleAt };
    const body = client.job(upload.json['storage_key'], more);
    id = (await client.api('POST', '/v1/jobs', body)).json['id'];
  });
  after(() => app?.[Symbol.asyncDispose]());

  const settle = (...args: string[]) =>
    runNode(['scripts/settle.ts', ...args], {
      ...{ APP_SECRET: TEST_SECRET, DATABASE_URL: app.database_url, DATA_DIR: app.data_dir },
      ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
    });

  const state = async () => (await app.db('jobs').where({ id }).first()).state;
  const stop = async () => {
    await app.stop();
    await app.db.destroy();
    app.db.initialize();
  };

  it('refuses while PM3K runs', async () => {
    const { code, printed } = await settle();
    expect(printed).to.match(/Stop all of its processes first/);
    expect(code).to.equal(1);
    await stop();
  });

  it('takes a database that was moved whole for the storage’s own, and changes no post', async () => {
    expect((await settle('--nothing-lost')).printed).to.match(/No post was changed/);
    await app.start();
    expect(app.output()).to.not.contain('database.settled');
    expect((await client.api('GET', `/v1/jobs/${id}`)).json).to.include({ status: 'scheduled' });
    await stop();
  });

  it('does not where the storage knows of posts that the database lacks', async () => {
    const before = await state();
    await app.db.raw('update database_position set number = number - 1');
    await app.db.destroy();
    const { code, printed } = await settle('--nothing-lost');
    app.db.initialize();
    expect(printed).to.match(/lacks posts that were made/);
    expect(code).to.equal(1);
    expect(await state()).to.equal(before);
    await app.db.destroy();
  });

  it('ends every unsent post as unconfirmed', async () => {
    expect((await settle()).printed).to.match(/^1 posts are not sent/);
    app.db.initialize();
    expect(await state()).to.equal('unconfirmed');
    expect((await settle('--all')).printed).to.match(/^Usage/);
  });
});
