import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { anAppliance, freePort, TEST_SECRET } from './support/appliance.ts';
import { anOwnContext } from './support/context.ts';
import { failingStart } from './support/failing-start.ts';
import { query } from './support/sql.ts';

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

  it('ends with 78 and a sentence beside a newer schema, and beside one that lacks a column', async () => {
    await using own = await anOwnContext();
    const url = own.database_url;
    const start = async () =>
      failingStart({
        ...{ HOST: 'localhost', PORT: String(await freePort()), DATABASE_URL: url },
        ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
        ...{ DATA_DIR: own.data_dir, APP_SECRET: TEST_SECRET },
      });
    await query(url, `insert into schema_migrations (name) values ('9999_newer.ts')`);
    const older = await start();
    expect([older.code, older.printed]).to.deep.equal([
      78,
      'This database was made ready by a newer version of PM3K: it has the migration 9999_newer.ts, which this version does not know. Start that version, or restore a backup.\n',
    ]);
    await query(url, `delete from schema_migrations where name = '9999_newer.ts'`);
    await query(url, 'alter table jobs drop column waiting_since');
    const { code, printed } = await start();
    expect(code).to.equal(78);
    expect(printed).to.contain('The table jobs of this database lacks the column waiting_since');
  });

  it('leaves the folders above DATA_DIR open for the user that PostgreSQL runs as', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pm3k-above-'));
    const above = join(folder, 'above');
    const settings = {
      ...{ HOST: 'localhost', PORT: String(await freePort()), DATA_DIR: join(above, 'data') },
      ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
      ...{ DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none', APP_SECRET: TEST_SECRET },
    };
    expect((await failingStart(settings)).code).to.equal(1);
    const modes = [above, settings.DATA_DIR].map((path) => statSync(path).mode & 0o777);
    rmSync(folder, { recursive: true });
    expect(modes).to.deep.equal([0o777 & ~process.umask(), 0o700]);
  });
});
