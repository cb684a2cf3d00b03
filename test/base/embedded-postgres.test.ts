import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import { EmbeddedPostgresFault } from '../../src/base/postgres-programs.ts';
import { end, freePort, ready, spawnAppliance } from '../support/appliance.ts';

const log = createLog('error');
const ask = async (postgres: EmbeddedPostgres, sql: string) => {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  return client.query(sql).finally(() => client.end());
};

describe('the embedded PostgreSQL', () => {
  let folder: string;
  beforeEach(() => {
    // A folder closed to others, as a home is.
    folder = mkdtempSync(join(tmpdir(), 'pm3k-embedded-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('starts in an empty folder, keeps what it was given, and starts again', async () => {
    const first = await startEmbeddedPostgres(folder, log);
    await ask(first, "create table kept (word text); insert into kept values ('here')");
    await first.stop();
    const second = await startEmbeddedPostgres(folder, log);
    expect((await ask(second, 'select word from kept')).rows).to.deep.equal([{ word: 'here' }]);
    await second.stop();
  });

  it('refuses to be used by two at once, and leaves the first one’s alone', async () => {
    const first = await startEmbeddedPostgres(folder, log);
    const error = await startEmbeddedPostgres(folder, log).then(
      () => null,
      (thrown) => thrown,
    );
    expect(error).to.be.instanceOf(EmbeddedPostgresFault);
    expect(error.message).to.contain('Another running PM3K');
    expect((await ask(first, 'select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
    await first.stop();
  });

  it('is not afraid of a pid file whose process is somebody else', async () => {
    const first = await startEmbeddedPostgres(folder, log);
    await first.stop();
    writeFileSync(
      join(folder, 'postgres/postmaster.pid'),
      `${process.pid}\n${folder}/postgres\n0\n5432\n/tmp/none\n`,
    );
    const second = await startEmbeddedPostgres(folder, log);
    await second.stop();
  });

  it('is taken over after a kill, and stopped with the appliance', async () => {
    const port = await freePort();
    const env = {
      PORT: String(port),
      HOST: 'localhost',
      DATA_DIR: folder,
      TIKTOK_CLIENT_KEY: 'a',
      TIKTOK_CLIENT_SECRET: 'b',
    };
    let printed = '';
    const print = (text: string) => {
      printed += text;
    };
    const first = spawnAppliance(env, print);
    await ready(`http://localhost:${port}`, first, () => printed);
    await end(first, 'SIGKILL');
    const second = spawnAppliance(env, print);
    await ready(`http://localhost:${port}`, second, () => printed);
    expect(printed).to.contain('postgres.adopted');
    expect(await end(second, 'SIGTERM')).to.equal(0);
    const third = await startEmbeddedPostgres(folder, log);
    await third.stop();
  });

  it('is stopped, too, when the signal comes during the start', async () => {
    let printed = '';
    const port = await freePort();
    const env = {
      PORT: String(port),
      HOST: 'localhost',
      DATA_DIR: folder,
      TIKTOK_CLIENT_KEY: 'a',
      TIKTOK_CLIENT_SECRET: 'b',
    };
    const early = spawnAppliance(env, (text) => {
      printed += text;
    });
    while (!printed.includes('postgres.started') && early.exitCode === null) await sleep(5);
    expect(printed).not.to.contain('"event":"started"');
    expect(await end(early, 'SIGTERM')).to.equal(0);
    expect(existsSync(join(folder, 'postgres/postmaster.pid'))).to.equal(false);
  });
});
