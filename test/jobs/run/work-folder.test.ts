// Shows that a run which gets no folder for its work is a fault like others, and no death.
import { rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { runStep } from '../../../src/jobs/run/run.ts';
import type { Step } from '../../../src/jobs/run/step.ts';
import type { StepName } from '../../../src/jobs/states.ts';
import { anOwnContext, type OwnContext } from '../../support/context.ts';
import { insertJob } from '../../support/job-row.ts';

describe('a run without a folder for its work', () => {
  let own: OwnContext;
  before(async () => {
    own = await anOwnContext();
    rmSync(own.ctx.scratch, { recursive: true });
    writeFileSync(own.ctx.scratch, 'no folder');
  });
  after(() => own?.[Symbol.asyncDispose]());

  const aJob = async (state: string): Promise<string> =>
    (await insertJob(own.ctx.db, { state })).id;
  const job = (id: string) => own.ctx.db('jobs').where({ id }).first();
  const run = (name: StepName, id: string) => {
    const step: Step = { run: () => Promise.reject(new Error('Expected no step')) };
    const { signal } = new AbortController();
    const control = { stopping: signal, aborted: signal, isLastAttempt: false };
    return runStep(own.ctx, { name, step, settings: {} }, id, control);
  };

  it('keeps a post that is due waiting, says so, and gives up in the end', async () => {
    const id = await aJob('ready');
    await run('publish.send', id);
    const { waiting_code, gives_up_at, run_token } = await job(id);
    expect({ waiting_code, run_token }).to.deep.equal({
      ...{ waiting_code: 'unavailable', run_token: null },
    });
    expect(gives_up_at).to.be.instanceOf(Date);
    await own.ctx
      .db('jobs')
      .where({ id })
      .update({ gives_up_at: new Date(0), send_at: new Date(0) });
    await run('publish.send', id);
    const { state, error } = await job(id);
    expect(state).to.equal('failed');
    expect(error.message).to.contain('Nothing was posted').and.to.not.contain('TikTok');
  });

  it('is not counted as the end of its process', async () => {
    const id = await aJob('fetched');
    for (let times = 0; times < 3; times += 1) await run('media.prepare', id).catch(() => {});
    expect(await job(id)).to.include({ deaths: 0, run_token: null });
  });
});
