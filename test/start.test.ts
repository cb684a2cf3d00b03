import { expect } from 'chai';
import { anAppliance, freePort } from './support/appliance.ts';
import { failingStart } from './support/failing-start.ts';

describe('a start', () => {
  it('ends with 78 and a sentence where the port is taken, or the secret opens nothing', async () => {
    await using app = await anAppliance();
    await app.creator();
    const settings = {
      ...{ HOST: 'localhost', DATABASE_URL: app.database_url, DATA_DIR: app.data_dir },
      ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
      ...{ TIKTOK_API_URL: app.sandbox.url, APP_SECRET: Buffer.alloc(32, 7).toString('base64') },
    };
    const taken = await failingStart({ ...settings, PORT: new URL(app.url).port });
    expect(taken.code).to.equal(78);
    expect(taken.printed).to.contain('is in use already');
    const AppSecret = Buffer.alloc(32, 9).toString('base64');
    const wrong = await failingStart({
      ...settings,
      PORT: String(await freePort()),
      APP_SECRET: AppSecret,
    });
    expect(wrong.code).to.equal(78);
    expect(wrong.printed).to.contain('APP_SECRET: opens nothing that is stored');
  });
});
