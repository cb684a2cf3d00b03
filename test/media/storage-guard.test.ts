import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { assertSameStorage } from '../../src/media/storage-guard.ts';
import { aKept, type Kept } from '../retention/kept.ts';
import { type Env, end, freePort, spawnAppliance, TEST_SECRET } from '../support/appliance.ts';
import { aBucket, type TestBucket } from '../support/bucket.ts';
import { aContext } from '../support/context.ts';

describe('the storage in use', () => {
  let itIs: Kept;
  let bucket: TestBucket;
  beforeEach(async () => {
    itIs = await aKept();
    bucket = await aBucket();
  });
  afterEach(async () => {
    await itIs[Symbol.asyncDispose]();
    await bucket[Symbol.asyncDispose]();
  });

  /** What a start with these settings says, over the same database. */
  async function start(env: Env, dataDir = itIs.data_dir): Promise<string> {
    const { database_url } = itIs;
    const ctx = await aContext({
      database_url,
      data_dir: dataDir,
      tiktok_url: 'http://127.0.0.1:9',
      env,
    });
    let told = '';
    ctx.log.info = ((line: { event: string; where: string }) => {
      told = `${line.event}: ${line.where}`;
    }) as never;
    try {
      await assertSameStorage(ctx);
      return told;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await ctx.db.destroy();
    }
  }
  const elsewhere = () => mkdtempSync(join(tmpdir(), 'pm3k-elsewhere-'));

  it('is told at each start, and found again', async () => {
    const said = `storage.in_use: the disk at ${join(itIs.data_dir, 'media')}`;
    expect(await start({})).to.equal(said);
    expect(await start({})).to.equal(said);
    expect(await Promise.all([start({}), start({}), start({})])).to.deep.equal([said, said, said]);
  });

  it('is refused on another machine’s disk, in a bucket, and on a disk that is not mounted', async () => {
    await start({});
    expect(await start({}, elsewhere())).to.match(
      /STORAGE: the files that the database knows are not in/,
    );
    expect(await start(bucket.env)).to.match(/are not in the bucket media at http/);
    expect(await start({})).to.contain('storage.in_use');
  });

  it('is refused when a database from before knows files that are not there', async () => {
    await itIs.file();
    expect(await start(bucket.env)).to.match(/are not in the bucket/);
    expect(await start({})).to.contain('storage.in_use');
  });

  it('may be another one, once its files were copied there, or the operator gives them up', async () => {
    const key = await itIs.file();
    await start({});
    const ctx = await aContext({
      ...{ database_url: itIs.database_url, data_dir: itIs.data_dir, env: bucket.env },
      tiktok_url: 'http://127.0.0.1:9',
    });
    await ctx.storage.write(key, await itIs.ctx.storage.read(key));
    for await (const { name, text } of itIs.ctx.storage.markers('instance'))
      await ctx.storage.putMarker('instance', name, text);
    expect(await start(bucket.env)).to.contain('storage.in_use: the bucket media');
    for await (const { name } of ctx.storage.markers('instance'))
      await ctx.storage.removeMarker('instance', name);
    expect(await start(bucket.env)).to.contain('put an empty file instance/adopt.json there');
    await ctx.storage.putMarker('instance', 'adopt', '');
    expect(await start(bucket.env)).to.contain('storage.in_use');
    expect(await start({}), 'and the disk is no more').to.contain('are not in the disk');
    await ctx.db.destroy();
  });

  it('ends the start with 78, in a sentence, when it cannot be reached', async () => {
    let printed = '';
    const child = spawnAppliance(
      {
        ...{ DATABASE_URL: itIs.database_url, DATA_DIR: itIs.data_dir, APP_SECRET: TEST_SECRET },
        ...{ TIKTOK_CLIENT_KEY: 'k', TIKTOK_CLIENT_SECRET: 's', HOST: 'localhost' },
        ...{ ...bucket.env, S3_SECRET_ACCESS_KEY: 'wrong', PORT: String(await freePort()) },
      },
      (text) => {
        printed += text;
      },
    );
    const started = setTimeout(() => child.kill(), 30_000);
    const code = await new Promise((done) => child.once('exit', done));
    clearTimeout(started);
    expect(printed).to.match(
      /STORAGE: s3 cannot be used\. The storage answers SignatureDoesNotMatch/,
    );
    expect(code).to.equal(78);
    await end(child, 'SIGKILL');
  });
});
