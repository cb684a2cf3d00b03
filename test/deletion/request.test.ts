// Shows that a deletion asked for twice is one.
import { expect } from 'chai';
import { requestDeletion } from '../../src/deletion/request.ts';
import { anOwnContext } from '../support/context.ts';

describe('leaving while the last byte is about to be sent', () => {
  it('answers the deletion under way when it is asked for twice', async () => {
    await using own = await anOwnContext();
    const { ctx } = own;
    const [creator] = await ctx
      .db('creators')
      .insert({ open_id: 'y', plan: 'paid' })
      .returning('id');
    const [first, second] = await Promise.all([
      requestDeletion(ctx, creator.id, 'self_service'),
      requestDeletion(ctx, creator.id, 'api'),
    ]);
    expect(second.id).to.equal(first.id);
  });
});
