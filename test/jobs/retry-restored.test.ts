// Shows that a failed post is not sent again by a database that may lack a later try of it.
import { expect } from 'chai';
import { getCreator } from '../../src/creators/store.ts';
import { resolveJob, retryJob } from '../../src/jobs/commands.ts';
import { settleJobs } from '../../src/jobs/settle.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { insertJob } from '../support/job-row.ts';

describe('a failed post of a database that lost its last changes', () => {
  let own: OwnContext;
  before(async () => {
    own = await anOwnContext();
  });
  after(() => own?.[Symbol.asyncDispose]());

  it('is tried again only after its creator has looked', async () => {
    const { ctx } = own;
    const ended = { state: 'failed', source: 'url', finished_at: new Date() };
    const { id, creator_id: creatorId } = await insertJob(ctx.db, ended);
    const creator = await getCreator(ctx.db, creatorId);
    const row = () => ctx.db('jobs').where({ id }).first();
    const retry = () => retryJob(ctx, creator, id).catch((error) => error);

    await ctx.db.transaction((trx) => settleJobs(trx));
    expect(await row()).to.include({ state: 'failed' });
    for (const _ of [1, 2]) expect(await retry()).to.include({ code: 'state_conflict' });
    const { state, error } = await row();
    expect(state).to.equal('unconfirmed');
    expect(error.message).to.contain('It may be on your profile');

    await resolveJob(ctx, creatorId, id, 'not_posted');
    expect(await retry()).to.include({ state: 'accepted' });
  });
});
