// Shows that a backup of a bucket is made and restored.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { anAppliance, type Env, ROOT, TEST_SECRET } from '../support/appliance.ts';
import { aBucket } from '../support/bucket.ts';
import { freshDatabase } from '../support/database.ts';
import { video } from '../support/videos.ts';

describe('a backup of media in a bucket', () => {
  const aFolder = () => mkdtempSync(join(tmpdir(), 'pm3k-bucket-backup-'));
  function run(script: string, args: string[], env: Env): Promise<{ code: number; text: string }> {
    const child = spawn(join(ROOT, 'scripts', script), args, {
      env: { PATH: process.env['PATH'] ?? '', ...env },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part) => {
        text += part;
      });
    return new Promise((done) => child.once('close', (code) => done({ code: code ?? -1, text })));
  }

  it('brings rows, files and ledger into another bucket, and no unfinished upload', async () => {
    await using from = await aBucket();
    await using to = await aBucket();
    await using app = await anAppliance({ LOG_LEVEL: 'warn', ...from.env });
    const client = await app.creator();
    const { json: media } = await client.upload(await video());
    const begun = await client.api('POST', '/v1/uploads', undefined, {
      ...{ 'tus-resumable': '1.0.0', 'upload-length': '9' },
    });
    expect(begun.status).to.equal(201);
    const gone = await app.creator('gone');
    await gone.form('/disconnect', { confirm: gone.creatorId });
    const { db } = app;
    while (!(await db('deletions').whereNotNull('done_at').first()))
      await new Promise((done) => setTimeout(done, 100));
    const settings = (databaseUrl: string, more: Env) => ({
      ...{ DATABASE_URL: databaseUrl, DATA_DIR: aFolder(), APP_SECRET: TEST_SECRET },
      ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret', ...more },
    });
    const folder = aFolder();
    const made = await run('backup.sh', [folder], settings(app.database_url, from.env));
    expect([made.code, made.text]).to.deep.equal([0, made.text]);
    const file = readdirSync(folder).find((name) => name.endsWith('.age')) as string;
    await app.stop();

    const { url } = await freshDatabase();
    const restored = await run('restore.sh', [join(folder, file)], settings(url, to.env));
    expect(restored.text).to.contain('1 files');
    expect(restored.code).to.equal(0);
    await app.start({ ...to.env, DATABASE_URL: url });
    const again = await fetch(`${app.url}/media/${media['storage_key']}`);
    expect(again.status).to.equal(200);
    expect(Buffer.from(await again.arrayBuffer()).equals(await video())).to.equal(true);
    expect((await client.api('GET', '/v1/uploads')).json['data']).to.deep.equal([]);
    const ledger = to.requests.some(
      (each) => each === `PUT /media/deletions/${gone.creatorId}.json`,
    );
    expect(ledger, 'the ledger came along').to.equal(true);
  });
});
