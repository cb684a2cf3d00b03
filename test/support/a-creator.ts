// A creator with posts and files, written straight into the tables, and a grant that the sandbox knows.
import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Sandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import type { Account } from '../../scripts/tiktok-sandbox/state.ts';
import { randomToken } from '../../src/base/secrets.ts';
import type { Context } from '../../src/context/context.ts';
import { sealTokens } from '../../src/creators/sealed-tokens.ts';

export interface Seeded {
  id: string;
  open_id: string;
  keys: string[];
  bytes: number;
  is_grant_live: boolean;
}

/** `lapsed`: the access token is over, the refresh token lives. `dead`: TikTok knows neither. */
export async function aCreator(
  ctx: Context,
  sandbox: Sandbox,
  { open_id, username, nickname }: Account,
  grant: 'live' | 'lapsed' | 'dead' = 'live',
): Promise<Seeded> {
  const [creator] = await ctx
    .db('creators')
    .insert({ open_id, username, nickname, plan: 'paid' })
    .returning('id');
  const { id } = creator;
  await aGrant(ctx, sandbox, { id, open_id, grant });
  const keys: string[] = [];
  let bytes = 0;
  for (let n = 0; n < 3; n += 1) {
    const storageKey = randomToken(190);
    const stored = await ctx.storage.write(storageKey, Readable.from([randomBytes(100 + n)]));
    await ctx.db('media').insert({
      ...{ storage_key: storageKey, creator_id: id, purpose: 'upload', content_type: 'video/mp4' },
      ...{ ...stored, facts: '{}', expires_at: new Date(Date.now() + 1e8) },
    });
    keys.push(storageKey);
    bytes += stored.bytes;
    await aJob(ctx, id, storageKey, n);
  }
  return { id, open_id, keys, bytes, is_grant_live: grant !== 'dead' };
}

/** Of three jobs one is finished, one waits for its time, and one is being sent. */
async function aJob(ctx: Context, creatorId: string, sourceKey: string, n: number) {
  const state = ['finished', 'ready', 'sending'][n] as string;
  const [job] = await ctx
    .db('jobs')
    .insert({
      ...{
        creator_id: creatorId,
        source_key: sourceKey,
        state,
        mode: 'schedule',
        title: `A caption ${n}`,
      },
      ...{ destination: 'direct', settings: '{}', send_at: new Date(Date.now() + 1e8) },
    })
    .returning('id');
  const jobId = job.id as string;
  for (const name of ['accepted', 'prepared'])
    await ctx.db('job_events').insert({ job_id: jobId, name });
  await ctx.db('consents').insert({
    ...{
      job_id: jobId,
      given_through: 'api',
      declaration: 'Yes',
      title: 'A caption',
      settings: '{}',
    },
  });
  if (state === 'sending') {
    await ctx.db('publish_attempts').insert({ job_id: jobId, number: 1, bytes: 100 });
    await ctx.db.raw(
      `select graphile_worker.add_job('publish.send', json_build_object('job_id', ?::text),
         queue_name := ?, job_key := ?)`,
      [jobId, `creator:${creatorId}`, `job:${jobId}`],
    );
  }
}

async function aGrant(
  ctx: Context,
  sandbox: Sandbox,
  { id, open_id, grant }: { id: string; open_id: string; grant: 'live' | 'lapsed' | 'dead' },
): Promise<void> {
  const isFresh = grant === 'live';
  const tokens = {
    access_token: `act.${randomUUID()}`,
    refresh_token: `rft.${randomUUID()}`,
    access_expires_at: new Date(Date.now() + (isFresh ? 7_200_000 : -1_000)),
    refresh_expires_at: new Date(Date.now() + 1e9),
    told_at: null,
  };
  const scopes = ['user.info.basic', 'video.publish', 'video.upload'];
  await ctx.db('grants').insert({
    creator_id: id,
    ...sealTokens(ctx, id, { ...tokens, open_id, scopes }),
  });
  if (grant === 'dead') return;
  sandbox.state.grants.push({
    ...{ open_id, scopes, client_key: 'sbsandbox', used_refresh_tokens: [] },
    ...{ access_token: tokens.access_token, refresh_token: tokens.refresh_token },
    access_expires_at: tokens.access_expires_at.getTime(),
    refresh_expires_at: tokens.refresh_expires_at.getTime(),
  });
}
