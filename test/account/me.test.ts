import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Fault } from '../../scripts/tiktok-sandbox/state.ts';
import { removeAuthorization } from '../../src/connections/removal.ts';
import type { Context } from '../../src/context/context.ts';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { aContext } from '../support/context.ts';

describe('a creator', () => {
  let app: Appliance;
  let ctx: Context;
  before(async () => {
    app = await anAppliance({ TIKTOK_INITS_PER_MINUTE: '3', API_REQUESTS_PER_MINUTE: '500' });
    const { database_url, data_dir, sandbox } = app;
    const env = { TIKTOK_INITS_PER_MINUTE: '3' };
    ctx = await aContext({ database_url, data_dir, tiktok_url: sandbox.url, env });
  });
  after(async () => {
    await ctx?.db.destroy();
    await app?.[Symbol.asyncDispose]();
  });

  const row = (id: string) => ctx.db('creators').where({ id }).first();
  const openIdOf = (name: string) =>
    app.sandbox.state.accounts.find(({ username }) => username === name)?.open_id as string;

  describe('asks who it is', () => {
    it('and is told name, picture, plan, limits, usage and when it may post next', async () => {
      const client = await app.creator('asks.who');
      const { status, json } = await client.api('GET', '/v1/creators/me');
      expect(status).to.equal(200);
      expect(json).to.include({ id: client.creatorId, username: 'asks.who', plan: 'paid' });
      expect(json['avatar_url']).to.equal((await row(client.creatorId)).avatar_url);
      expect(json['limits']).to.deep.equal({
        ...{ key_days: 365, media_days: 30, upload_bytes: 4_000_000_000, horizon_days: 30 },
        ...{ requests_per_minute: 500, posts_per_minute: 3 },
        ...{ posts_per_day: null, post_spacing_seconds: 0, verified_urls: true },
      });
      expect(json['usage']).to.include({ posts_last_24_hours: 0, media_files: 0, media_bytes: 0 });
      expect(Math.abs(Date.parse(json['next_free_at']) - Date.now())).to.be.lessThan(60_000);
    });

    it('and is told the end of TikTok’s minute when that is full', async () => {
      const client = await app.creator('full.minute');
      const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
      for (const seconds of [100, 40, 30, 20]) {
        await ctx.db('tiktok_calls').insert({
          ...{ creator_id: client.creatorId, call: 'video.init', at: ago(seconds) },
        });
      }
      const { json } = await client.api('GET', '/v1/creators/me');
      const waitMs = Date.parse(json['next_free_at']) - Date.now();
      // 62 s after the first of the three that count.
      expect(waitMs).to.be.within(1_000, 22_000);
    });

    it('and is told no time while it may not post at all', async () => {
      const client = await app.creator('not.now');
      const { creatorId: id } = client;
      await ctx.db('creators').where({ id }).update({ disconnected_at: new Date() });
      const { json } = await client.api('GET', '/v1/creators/me');
      expect(json).to.include({ connected: false, next_free_at: null });
    });
  });

  it('gets no name back that TikTok’s removal emptied, by an answer that was under way', async () => {
    const client = await app.creator('removed.meanwhile');
    const openId = openIdOf('removed.meanwhile');
    app.sandbox.state.faults.push({ endpoint: 'creator_info', kind: 'slow', count: 1 } as Fault);
    const asking = client.api('GET', '/v1/creators/me/posting_options');
    while (app.sandbox.state.faults.some(({ count }) => count > 0)) await sleep(20);
    await removeAuthorization(ctx, openId, { reason: 1, at: new Date(Date.now() + 1_000) });
    await asking;
    expect(await row(client.creatorId)).to.include({
      ...{ username: null, nickname: null, avatar_url: null, name_confirmed_at: null },
    });
  });

  describe('at an address where nothing is', () => {
    const lost = async (client: Client, path: string) => {
      const answer = await client.page(path);
      expect(answer.status).to.equal(404);
      return answer.text;
    };

    it('stays in the frame of who is signed in, and a stranger in the other', async () => {
      const client = await app.creator('lost.here');
      for (const path of ['/nowhere', '/jobs/none', `/media/nothing/here`]) {
        const text = await lost(client, path);
        expect(text, path).to.contain('class="signed-in"').and.to.contain('lost.here');
        expect(text, path).to.contain('Back to your posts');
      }
      for (const path of ['/admin/nowhere', '/prove/nothing']) {
        expect(await lost(client, path), path).to.contain('class="signed-out"');
      }
      const headers = { accept: 'text/html', cookie: 'pm3k_session=made-up' };
      const stranger = await fetch(`${app.url}/nowhere`, { headers });
      expect(stranger.status).to.equal(404);
      expect(await stranger.text()).to.contain('class="signed-out"');
    });
  });
});
