import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  findRunningConnection,
  startEmbeddedPostgres,
} from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import {
  EmbeddedPostgresFault,
  findPrograms,
  findServerAccount,
} from '../../src/base/postgres-programs.ts';
import type { SocketConnection } from '../../src/base/postgres-socket.ts';
import { end, freePort, ROOT, ready, spawnAppliance } from '../support/appliance.ts';

const log = createLog('error');
const ask = async (postgres: Pick<EmbeddedPostgres, 'connection'>, sql: string) => {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  return client.query(sql).finally(() => client.end());
};

/** Starts it in a process of its own, which stops it when its input ends. */
function startElsewhere(folder: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', START, folder], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = (stream: Readable, word: string) =>
    new Promise<string>((done) => {
      let text = '';
      stream.on('data', (part) => {
        text += part;
        if (text.includes(word)) done(text);
      });
    });
  return {
    child,
    ready: said(child.stdout, 'ready'),
    refused: said(child.stderr, 'DATA_DIR.'),
    ended: once(child, 'close'),
  };
}
const START = `
  import { createLog } from './src/base/log.ts';
  import { startEmbeddedPostgres } from './src/base/embedded-postgres.ts';
  const postgres = await startEmbeddedPostgres(process.argv[1], createLog('error'));
  process.stdout.write('ready');
  process.stdin.resume().on('end', () => postgres.stop());
`;

describe('the embedded PostgreSQL', () => {
  let folder: string;
  beforeEach(() => {
    // A folder closed to others, as a home is.
    folder = mkdtempSync(join(tmpdir(), 'pm3k-embedded-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const readServerPid = () =>
    Number(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);

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

  it('started as root runs as the user who made it, and leaves one of anybody else alone', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const cluster = join(folder, 'postgres');
    mkdirSync(cluster);
    writeFileSync(join(cluster, 'PG_VERSION'), '17\n');
    const uids = ['postgres', 'nobody'].map((name) => {
      const entry = readFileSync('/etc/passwd', 'utf8').match(
        new RegExp(`^${name}:[^:]*:(\\d+):`, 'm'),
      );
      return entry ? Number(entry[1]) : undefined;
    });
    for (const uid of uids) {
      if (uid === undefined) continue;
      chownSync(cluster, uid, uid);
      expect(findServerAccount(findPrograms(), cluster)?.uid).to.equal(uid);
    }
    chownSync(cluster, 12_345, 12_345);
    const error = await startEmbeddedPostgres(folder, log).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(EmbeddedPostgresFault);
    expect(error.message).to.contain('is of the user with the number 12345');
    expect(readdirSync(folder)).to.deep.equal(['postgres']);
    expect(readdirSync(cluster)).to.deep.equal(['PG_VERSION']);
  });

  it('works in a folder whose path is too long for a socket', async () => {
    const long = join(folder, 'a'.repeat(60), 'b'.repeat(60));
    const server = await startEmbeddedPostgres(long, log);
    const found = (await findRunningConnection(long)) as SocketConnection;
    expect((await ask({ connection: found }, 'select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
    await server.stop();
    expect(await findRunningConnection(long)).to.equal(null);
  });

  it('is made once, when two begin to make it together', async () => {
    const starts = [startElsewhere(folder), startElsewhere(folder)];
    const refused = await Promise.race(starts.map((start) => start.refused));
    expect(refused).to.contain('Another running PM3K');
    await Promise.race(starts.map((start) => start.ready));
    for (const { child } of starts) child.stdin?.end();
    await Promise.all(starts.map((start) => start.ended));
    expect(readdirSync(folder).sort()).to.deep.equal(['postgres', 'postgres.log']);
  });

  it('has ended when its first process has, whoever started it, and starts anew', async () => {
    const killed = startElsewhere(folder);
    await killed.ready;
    await end(killed.child, 'SIGKILL');
    const adopted = await startEmbeddedPostgres(folder, log);
    process.kill(readServerPid(), 'SIGKILL');
    await adopted.died;
    await adopted.stop();
    const started = await startEmbeddedPostgres(folder, log);
    process.kill(readServerPid(), 'SIGKILL');
    await started.died;
    await started.stop();
  });

  it('keeps what a stopped one left for whoever only looks', async () => {
    const pidFile = join(folder, 'postgres/postmaster.pid');
    await (await startEmbeddedPostgres(folder, log)).stop();
    writeFileSync(pidFile, '1\n');
    expect(await findRunningConnection(folder)).to.equal(null);
    expect(readFileSync(pidFile, 'utf8')).to.equal('1\n');
    expect(await findRunningConnection(join(folder, 'nowhere'))).to.equal(null);
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
