import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { subscribe } from '../../src/events/module.ts';
import { end } from '../support/appliance.ts';
import { waitUntil } from '../support/wait-until.ts';
import { aSubscribed, owed, type Subscribed } from './subscribed.ts';

const CHILD = join(import.meta.dirname, 'delivering-run.ts');
const NAMES = ['accepted', 'prepared', 'opened', 'sent', 'finished'];

describe('events in processes', () => {
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) await end(child, 'SIGKILL');
  });

  async function start(itIs: Subscribed, ...more: string[]): Promise<ChildProcess> {
    const args = [CHILD, itIs.database_url, itIs.data_dir, ...more];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    if (child.stdout) await once(child.stdout, 'data');
    return child;
  }

  /** With the table that processes tell into. */
  async function aTold(): Promise<Subscribed> {
    const itIs = await aSubscribed(({ tell }) => ({ all: { on: ['job.*'], run: tell } }));
    await itIs.ctx.db.raw(
      `create table told (n bigint generated always as identity, pid integer, event_id bigint,
         job_id uuid, name text)`,
    );
    return itIs;
  }

  const toldOf = ({ ctx }: Subscribed) => ctx.db('told').orderBy('n');

  it('are told once, in order per job, by two processes at once', async () => {
    await using itIs = await aTold();
    const pids = (await Promise.all([start(itIs), start(itIs)])).map(({ pid }) => pid);
    const jobs = await Promise.all(Array.from({ length: 30 }, () => itIs.job()));
    await Promise.all(jobs.map((job) => itIs.happens(job, ...NAMES)));
    await waitUntil(async () => (await owed(itIs.ctx)) === 0);
    const told = await toldOf(itIs);
    expect(told).to.have.length(jobs.length * NAMES.length);
    for (const job of jobs) {
      expect(told.filter(({ job_id }) => job_id === job).map(({ name }) => name)).to.deep.equal(
        NAMES.map((name) => `job.${name}`),
      );
    }
    expect(new Set(told.map(({ pid }) => pid))).to.deep.equal(new Set(pids));
  });

  it('told by a process that is killed before it could write that down are told again', async () => {
    await using itIs = await aTold();
    const job = await itIs.job();
    await subscribe(itIs.ctx);
    await itIs.happens(job, ...NAMES);
    const first = await start(itIs, 'job.opened');
    await waitUntil(() => first.signalCode === 'SIGKILL');
    const second = await start(itIs, '', 'alone');
    await waitUntil(async () => (await owed(itIs.ctx)) === 0);
    const told = await toldOf(itIs);
    expect(told.map(({ pid, name }) => [pid, name])).to.deep.equal([
      ...['job.accepted', 'job.prepared', 'job.opened'].map((name) => [first.pid, name]),
      ...['job.opened', 'job.sent', 'job.finished'].map((name) => [second.pid, name]),
    ]);
    // By its number a subscriber knows that it was told before.
    expect(told[3].event_id).to.equal(told[2].event_id);
  });
});
