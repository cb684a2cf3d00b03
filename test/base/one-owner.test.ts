// The embedded database has one owner, from whatever path or container somebody else comes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { findRunningConnection, startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import { EmbeddedPostgresFault } from '../../src/base/postgres-programs.ts';
import type { SocketConnection } from '../../src/base/postgres-socket.ts';
import { type Appliance, anAppliance, type Client, freePort } from '../support/appliance.ts';
import { findObstacle, runNode, startContainer } from '../support/namespaces.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('the owner of an embedded database', () => {
  const obstacle = findObstacle();
  let app: Appliance;
  let creator: Client;
  let folder: string;
  let link: string;
  let elsewhere: string;
  let pidFile: string;

  before(async () => {
    app = await anAppliance({ DATABASE_URL: '', APP_SECRET: '' }, FAST);
    creator = await app.creator();
    folder = mkdtempSync(join(tmpdir(), 'pm3k-one-owner-'));
    link = join(folder, 'link');
    symlinkSync(app.data_dir, link);
    elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    pidFile = readPidFile();
  });
  after(async () => {
    await app[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach('it goes on as if nobody had come', async () => {
    // PostgreSQL ends within a minute if this file is not there, or is another's.
    expect(readPidFile()).to.equal(pidFile);
    expect(app.output()).not.to.contain('"event":"stopping"');
    expect((await fetch(`${app.url}/readyz`)).status).to.equal(200);
  });

  /** Process, folder, and when it was started; what follows changes with a recovery. */
  const readPidFile = () => {
    const text = readFileSync(join(app.data_dir, 'postgres/postmaster.pid'), 'utf8');
    return text.split('\n').slice(0, 3).join();
  };
  const settings = async (dataDir: string) => ({
    ...{ DATA_DIR: dataDir, HOST: 'localhost', PORT: String(await freePort()) },
    ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
  });
  const post = async () => {
    const upload = await creator.upload(await video());
    const job = creator.job(upload.json['storage_key']);
    const { status, json } = await creator.api('POST', '/v1/jobs', job);
    expect(status).to.equal(202);
    return creator.ended(json['id']);
  };

  it('is not joined by a second one that comes through a symbolic link', async () => {
    const second = await runNode(['src/main.ts'], await settings(link));
    expect(second.printed).to.contain('Another running PM3K uses this DATA_DIR');
    expect(second.code).to.equal(78);
  });

  it('is not joined by a second one in another container', async function () {
    if (obstacle) return this.skip();
    const volume = { from: app.data_dir, at: elsewhere };
    const second = await runNode(['src/main.ts'], await settings(elsewhere), volume);
    expect(second.printed).to.contain('Another running PM3K uses this DATA_DIR');
    expect(second.code).to.equal(78);
  });

  it('is found by scripts that come through a symbolic link', async () => {
    const { code, printed } = await runNode(['scripts/invite.ts'], await settings(link));
    expect(printed).to.match(/^http\S+\/invite\/\S+\n$/);
    expect(code).to.equal(0);
  });

  it('is found by scripts in another container', async function () {
    if (obstacle) return this.skip();
    const volume = { from: app.data_dir, at: elsewhere };
    const env = await settings(elsewhere);
    const invited = await runNode(['scripts/invite.ts'], env, volume);
    expect(invited.printed).to.match(/^http\S+\/invite\/\S+\n$/);
    const backedUp = await runNode(['scripts/backup/main.ts', join(folder, 'b')], env, volume);
    expect(backedUp.printed).to.match(/rows, \d+ files/);
    expect(backedUp.code).to.equal(0);
  });

  it('posts what it accepts, once, also after all of them', async () => {
    const job = await post();
    expect(job['status']).to.equal('finished');
    const posted = app.sandbox.state.publishes.filter((each) => each.status === 'PUBLISH_COMPLETE');
    expect(posted).to.have.length(1);
  });

  it('goes on when a process of PostgreSQL is killed that serves a connection', async () => {
    const client = await connect((await findRunningConnection(app.data_dir)) as SocketConnection);
    const { rows } = await client.query(
      "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
    process.kill(rows[0].pid, 'SIGKILL');
    const log = () => readFileSync(join(app.data_dir, 'postgres.log'), 'utf8');
    await waitUntil(async () => log().includes('all server processes terminated; reinitializing'));
    await waitUntil(async () => (await fetch(`${app.url}/readyz`)).status === 200);
    expect((await post())['status']).to.equal('finished');
    expect(app.process().exitCode).to.equal(null);
  });
});

describe('a PostgreSQL whose owner was killed', () => {
  it('is not adopted from where its process cannot be seen, nor started twice', async function () {
    if (findObstacle()) return this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'pm3k-one-owner-'));
    const container = startContainer(folder);
    await container.killed;
    const error = await startEmbeddedPostgres(folder, createLog('error')).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(EmbeddedPostgresFault);
    expect(error.message).to.contain('its PostgreSQL still runs in another container');
    await container.stop();
    const started = await startEmbeddedPostgres(folder, createLog('error'));
    await started.stop();
    rmSync(folder, { recursive: true, force: true });
  });
});

async function connect(connection: SocketConnection): Promise<pg.Client> {
  const client = new pg.Client(connection);
  // It is cut off with all others.
  client.on('error', () => {});
  await client.connect();
  return client;
}
