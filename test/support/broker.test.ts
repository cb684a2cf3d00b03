import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { freePort, ROOT } from './appliance.ts';
import { holdProcess } from './broker-client.ts';
import { freshDatabase } from './database.ts';
import { isRunning } from './processes.ts';

interface Held {
  /** PostgreSQL's and the appliance's. */
  pids: number[];
  folders: string[];
}

describe('a run of mocha', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pm3k-held-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Mocha with a file that has an appliance and a database, once it has both. */
  async function begun(name: string, args: string[], env = {}) {
    const heldTo = join(folder, name);
    const mocha = spawn(
      process.execPath,
      ['node_modules/mocha/bin/mocha.js', ...args, 'test/support/holds-everything.ts'],
      {
        cwd: ROOT,
        env: { ...process.env, MOCHA_WORKER_ID: undefined, HELD_TO: heldTo, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    await holdProcess(mocha.pid as number);
    let printed = '';
    for (const stream of [mocha.stdout, mocha.stderr]) {
      stream.on('data', (part) => {
        printed += part;
      });
    }
    while (!existsSync(heldTo) || readFileSync(heldTo, 'utf8') === '') {
      if (mocha.exitCode !== null) throw new Error(`Mocha ended: ${printed}`);
      await sleep(20);
    }
    return { mocha, held: JSON.parse(readFileSync(heldTo, 'utf8')) as Held };
  }

  function hasEnded(mocha: ChildProcess): boolean {
    return mocha.exitCode !== null || mocha.signalCode !== null;
  }

  /** Ends when nothing is left, else by the test's time limit, which says what it waited for. */
  async function untilGone({ pids, folders }: Held): Promise<void> {
    while (pids.some(isRunning) || folders.some((each) => existsSync(each))) await sleep(20);
  }

  for (const [name, args] of [
    ['alone', []],
    ['in parallel', ['--parallel', '--jobs', '2']],
  ] as const) {
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      it(`${name} leaves no process and no folder behind after ${signal}`, async () => {
        const { mocha, held } = await begun(`${name} ${signal}`, [...args]);
        expect(held.folders.filter((each) => !existsSync(each))).to.deep.equal([]);
        expect(held.pids.filter((each) => !isRunning(each))).to.deep.equal([]);
        mocha.kill(signal);
        await untilGone(held);
        while (!hasEnded(mocha)) await sleep(20);
        expect(mocha.exitCode).not.to.equal(0);
      });
    }

    it(`${name} has cleaned up by the time it ends by itself`, async () => {
      const { mocha, held } = await begun(`${name} ended`, [...args], { HELD_FOR: 'nothing' });
      while (!hasEnded(mocha)) await sleep(20);
      expect(mocha.exitCode).to.equal(0);
      expect(held.folders.filter((each) => existsSync(each))).to.deep.equal([]);
      expect(held.pids.filter(isRunning)).to.deep.equal([]);
    });
  }
});

describe('the broker', () => {
  it('gives each that asks at the same time a port and a database of its own', async () => {
    const ports = await Promise.all(Array.from({ length: 120 }, () => freePort()));
    expect(new Set(ports).size).to.equal(120);
    const urls = await Promise.all([1, 2, 3].map(async () => (await freshDatabase()).url));
    expect(new Set(urls).size).to.equal(3);
  });
});
