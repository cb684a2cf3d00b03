// Shows that what changes all posts of a creator, or of everybody, has the time for many of them.
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { removeAuthorization } from '../../src/connections/removal.ts';
import type { Context } from '../../src/context/context.ts';
import { markDisconnected } from '../../src/creators/connection.ts';
import { sealTokens } from '../../src/creators/sealed-tokens.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { secureOrSettle } from '../../src/jobs/settle.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { insertJob } from '../support/job-row.ts';

describe('a change of all posts', () => {
  let own: OwnContext;
  let ctx: Context;
  before(async () => {
    own = await anOwnContext();
    ctx = own.ctx;
    await ctx.db.raw(`
      create table seen_limits (ms int);
      create function see_limit() returns trigger language plpgsql as $$ begin
        insert into seen_limits select setting::int from pg_settings where name = 'statement_timeout';
        return null;
      end $$;
      create trigger see_limit after update on jobs for each statement execute function see_limit()`);
  });
  after(() => own?.[Symbol.asyncDispose]());

  async function aCreator(): Promise<{ id: string; openId: string }> {
    const openId = randomUUID();
    const [{ id }] = await ctx
      .db('creators')
      .insert({ open_id: openId, plan: 'paid' })
      .returning('id');
    const expiresAt = new Date(Date.now() + 3_600_000);
    await ctx.db('grants').insert({
      creator_id: id,
      ...sealTokens(ctx, id, {
        ...{ access_token: 'a', refresh_token: 'r', scopes: [], open_id: openId, told_at: null },
        ...{ access_expires_at: expiresAt, refresh_expires_at: expiresAt },
      }),
    });
    await insertJob(ctx.db, { creator_id: id, state: 'ready', send_at: expiresAt });
    return { id, openId };
  }

  async function leastLimitOf(work: () => Promise<unknown>): Promise<number> {
    await ctx.db('seen_limits').delete();
    await work();
    const row = await ctx.db('seen_limits').min('ms as least').first();
    return Number(row?.['least'] ?? 0);
  }

  const changes: Record<string, (creator: { id: string; openId: string }) => Promise<unknown>> = {
    'when the database lost its last changes': async () => {
      await ctx.continuity.secure();
      await ctx.db.raw('update database_position set number = number - 1');
      await secureOrSettle(ctx);
    },
    'when the person removed the app': ({ openId }) =>
      removeAuthorization(ctx, openId, { reason: 1, at: new Date(Date.now() + 1_000) }),
    'when the permission lapsed': ({ id }) => markDisconnected(ctx, id, 1),
    'when the account is to be deleted': ({ id }) => requestDeletion(ctx, id, 'self_service'),
  };
  for (const [name, change] of Object.entries(changes)) {
    it(name, async () => {
      const creator = await aCreator();
      expect(await leastLimitOf(() => change(creator))).to.be.greaterThan(ctx.timing.queryMs);
    });
  }
});
