// Shows that a kill costs a job no attempt, and that a file which ends processes is found all the same.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Context } from '../../../src/context/context.ts';
import { takeFence } from '../../../src/jobs/run/fence.ts';
import { MOST_DEATHS, runStep } from '../../../src/jobs/run/run.ts';
import type { Step } from '../../../src/jobs/run/step.ts';
import { DeclaredDead, declareDead, registerPool } from '../../../src/queue/heartbeat.ts';
import { anOwnContext, type OwnContext } from '../../support/context.ts';
import { insertJob } from '../../support/job-row.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('a job whose process is killed', () => {
  let own: OwnContext;
  let ctx: Context;
  before(async () => {
    own = await anOwnContext();
    ctx = own.ctx;
  });
  after(() => own?.[Symbol.asyncDispose]());

  const aJob = async (): Promise<string> => (await insertJob(ctx.db, { state: 'fetched' })).id;
  const prepare = (id: string, step: Step, aborted = new AbortController().signal) => {
    const control = { stopping: new AbortController().signal, aborted, isLastAttempt: false };
    return runStep(ctx, { name: 'media.prepare', step, settings: {} }, id, control);
  };
  const failing: Step = { run: () => Promise.reject(new Error('As ordered')) };
  /** What a killed run leaves behind: its token. */
  const die = (id: string) => takeFence(ctx.db, id, 'media.prepare', randomUUID());
  const job = (id: string) => ctx.db('jobs').where({ id }).first();

  it('gets its attempt back, also the last one', async () => {
    const id = await aJob();
    await ctx.db.raw(
      `select graphile_worker.add_job('media.prepare', json_build_object('job_id', ?::text),
         job_key := ?, max_attempts := 8)`,
      [id, `job:${id}`],
    );
    await registerPool(ctx.db, 'pool-killed', 'conversions');
    await ctx.db.raw(
      `update graphile_worker._private_jobs
          set locked_at = now(), locked_by = 'pool-killed', attempts = 8 where key = ?`,
      [`job:${id}`],
    );
    await declareDead(ctx, 0);
    const { rows } = await ctx.db.raw(
      'select attempts, locked_by from graphile_worker._private_jobs where key = ?',
      [`job:${id}`],
    );
    expect(rows).to.deep.equal([{ attempts: 7, locked_by: null }]);
  });

  it('goes on after some deaths, and after faults and aborts that are none', async () => {
    const id = await aJob();
    for (let times = 1; times < MOST_DEATHS; times += 1) await die(id);
    await prepare(id, failing).catch(() => {});
    const { deaths } = await job(id);
    expect(deaths).to.equal(MOST_DEATHS - 1);
    for (let times = 0; times < 5; times += 1) await prepare(id, failing).catch(() => {});
    const dead = new AbortController();
    dead.abort(new DeclaredDead());
    await prepare(id, failing, dead.signal).catch(() => {});
    await waitUntil(async () => (await job(id)).run_token === null);
    let hasRun = false;
    const done: Step = {
      async run() {
        hasRun = true;
        return {};
      },
    };
    await prepare(id, done);
    expect(hasRun).to.equal(true);
    expect(await job(id)).to.include({ state: 'ready', deaths: 0 });
  });

  it('fails with a clear reason where its file ended every process', async () => {
    const id = await aJob();
    for (let times = 0; times < MOST_DEATHS; times += 1) await die(id);
    let hasRun = false;
    await prepare(id, {
      async run() {
        hasRun = true;
        return {};
      },
    });
    expect(hasRun).to.equal(false);
    const { state, error } = await job(id);
    expect(state).to.equal('failed');
    expect(error).to.include({ code: 'internal_error' });
    expect(error.message).to.contain('the process ended each time');
  });
});
