// What a start of the embedded PostgreSQL makes of the files that another server left or uses.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/base/embedded-postgres.ts';
import { createLog } from '../../src/base/log.ts';
import {
  commandAs,
  EmbeddedPostgresFault,
  findPrograms,
  findServerAccount,
  SUPERUSER,
} from '../../src/base/postgres-programs.ts';
import { end } from '../support/appliance.ts';
import { waitUntil } from '../support/wait-until.ts';

const log = createLog('error');

describe('a start of the embedded PostgreSQL', () => {
  let folder: string;
  let cluster: string;
  let pidFile: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pm3k-embedded-'));
    cluster = join(folder, 'postgres');
    pidFile = join(cluster, 'postmaster.pid');
    await (await startEmbeddedPostgres(folder, log)).stop();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const programs = findPrograms();
  const spawnAsServer = async (program: string, args: string[]): Promise<ChildProcess> => {
    const [command, rest] = commandAs(findServerAccount(programs, cluster), program, args);
    const child = spawn(command, rest, { stdio: 'ignore', cwd: '/' });
    await once(child, 'spawn');
    return child;
  };

  it('is not afraid of a pid file whose process is somebody else', async () => {
    // A process of the server's own user, which PostgreSQL would take for another server.
    const other = await spawnAsServer('sleep', ['60']);
    try {
      const left = `${other.pid}\n${cluster}\n0\n5432\n.\n`;
      writeFileSync(pidFile, left);
      writeFileSync(join(cluster, '.s.PGSQL.5432.lock'), left);
      writeFileSync(join(cluster, '.s.PGSQL.5432'), '');
      const second = await startEmbeddedPostgres(folder, log);
      await connectTo(cluster);
      await second.stop();
      expect(other.exitCode).to.equal(null);
    } finally {
      await end(other, 'SIGKILL');
    }
  });

  it('leaves a server alone that holds no lock, such as an older version’s', async () => {
    const sockets = `unix_socket_directories=${cluster}`;
    const args = ['-D', cluster, '-c', 'listen_addresses=', '-c', sockets, '-c', 'port=1'];
    const older = await spawnAsServer(programs.postgres, args);
    try {
      const known = await waitUntil(() => readReady(pidFile));
      const error = await startEmbeddedPostgres(folder, log).catch((thrown) => thrown);
      expect(error).to.be.instanceOf(EmbeddedPostgresFault);
      expect(error.message).to.contain('Another PostgreSQL uses the database');
      expect(readReady(pidFile)).to.equal(known);
    } finally {
      await end(older, 'SIGINT');
    }
  });
});

/** The file says `ready` once the server takes connections. */
function readReady(pidFile: string): string | null {
  try {
    const text = readFileSync(pidFile, 'utf8');
    return text.includes('ready') ? text : null;
  } catch {
    return null;
  }
}

async function connectTo(host: string): Promise<void> {
  const client = new pg.Client({ host, port: 5432, user: SUPERUSER, database: 'postgres' });
  await client.connect();
  await client.end();
}
