// Shows that a deletion which is killed at any point is completed by the next process.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import type { Context } from '../../src/context/context.ts';
import { executeDeletion } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { eraseReturned } from '../../src/deletion/restore.ts';
import { tryDueRevocations } from '../../src/deletion/revoke.ts';
import { rewriteDue } from '../../src/deletion/rewrite.ts';
import { findByCreator, findDeletion } from '../../src/deletion/store.ts';
import { aCreator, type Seeded } from '../support/a-creator.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';

// `npm run storm:moments` kills two hundred times, the tests a few times.
const KILLS = Number(process.env['STORM_DELETIONS'] ?? 24);
const CHILD = join(import.meta.dirname, 'killed-run.ts');
const signal = new AbortController().signal;

describe('a deletion that is killed', () => {
  let own: OwnContext;
  let ctx: Context;
  let sandbox: Sandbox;
  let dataDir: string;
  let databaseUrl: string;
  let lostAnswers = 0;
  before(async () => {
    sandbox = await startSandbox();
    own = await anOwnContext({ tiktok_url: sandbox.url });
    ({ ctx, data_dir: dataDir, database_url: databaseUrl } = own);
  });
  after(async () => {
    await own?.[Symbol.asyncDispose]();
    await sandbox?.close();
  });

  /** Returns how many points were passed, or null when the process was killed on the way. */
  async function deleteInChild(creatorId: string, killAt: number): Promise<string[] | null> {
    try {
      const args = [CHILD, databaseUrl, dataDir, sandbox.url, creatorId, String(killAt)];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      return JSON.parse(stdout);
    } catch (error) {
      expect((error as { signal?: string }).signal, String(error)).to.equal('SIGKILL');
      return null;
    }
  }

  /** Does what the next process does: its start, then the request if it was never made, then the run. */
  async function seeThrough(creatorId: string) {
    await eraseReturned(ctx);
    const known = await findByCreator(ctx.db, creatorId);
    const isThere = await ctx.db('creators').where({ id: creatorId }).first('id');
    const unfinished = known ?? (await ctx.db('deletions').where({ done_at: null }).first());
    const deletion =
      unfinished ?? (isThere && (await requestDeletion(ctx, creatorId, 'self_service')));
    if (deletion) await executeDeletion(ctx, deletion.id, signal);
    await rewriteDue(ctx, signal);
    // Lets the lease that the dead process held run out.
    await ctx.db('deletions').update({ revoke_leased_until: null, revoke_at: new Date() });
    await tryDueRevocations(ctx, signal);
  }

  async function expectGone(creator: Seeded, name: string): Promise<void> {
    const deletions = await ctx.db('deletions').select('*');
    expect(deletions, name).to.have.length(1);
    const deletion = (await findDeletion(ctx.db, deletions[0].id)) as (typeof deletions)[0];
    expect(deletion, name).to.include({ traces: 0, sealed_identifiers: null, sealed_grant: null });
    expect(deletion.done_at, name).to.be.instanceOf(Date);
    expect(deletion.receipt, name).to.include({ files: 3, bytes: creator.bytes, files_left: 0 });
    expect(deletion.receipt.rows, name).to.include({
      ...{ creators: 1, grants: 1, jobs: 3, job_events: 6, consents: 3, publish_attempts: 1 },
      ...{ media: 3 },
    });
    for (const key of creator.keys) expect(await ctx.storage.has(key), name).to.equal(false);
    const notes = readdirSync(join(dataDir, 'media/deletions'));
    expect(notes, name).to.include(`${creator.id}.json`);
    expectEnded(creator, deletion.revocation, name);
    await ctx.db('deletions').delete();
  }

  /**
   * TikTok invalidates the old refresh token as it answers. After a kill before that answer is stored,
   * nobody has a valid token, and the receipt says that the person must end the grant.
   */
  function expectEnded(creator: Seeded, revocation: string, name: string): void {
    const of = ({ open_id }: { open_id: string }) => open_id === creator.open_id;
    const revoked = sandbox.state.revocations.filter(of).length;
    const left = sandbox.state.grants.filter(of).length;
    if (revocation === 'given_up') {
      expect(name).to.match(/^(lapsed|dead), killed/);
      expect(revoked, name).to.equal(0);
      lostAnswers += 1;
      return;
    }
    const ends = creator.is_grant_live ? ['revoked'] : ['not_needed', 'revoked'];
    expect(ends, name).to.include(revocation);
    expect({ revoked, left }, name).to.deep.equal({
      revoked: creator.is_grant_live ? 1 : 0,
      left: 0,
    });
  }

  it(`ends complete, whichever of ${KILLS} points it is killed at`, async function () {
    this.timeout(KILLS * 5_000 + 60_000);
    const kinds = ['live', 'lapsed', 'dead'] as const;
    const aPerson = (kind: (typeof kinds)[number], n: number) => {
      const someone = createAccount(`leaving.${n}`, `Leaving ${n}`);
      sandbox.state.accounts.push(someone);
      return aCreator(ctx, sandbox, someone, kind);
    };
    const bystander = await aPerson('live', 0);
    const points = new Map<string, string[]>();
    for (const kind of kinds) {
      const creator = await aPerson(kind, points.size + 1);
      const passed = await deleteInChild(creator.id, 0);
      points.set(kind, passed ?? []);
      await expectGone(creator, `${kind}, not killed`);
    }
    const all = kinds.flatMap((kind) =>
      (points.get(kind) ?? []).map((name, index) => ({ kind, name, kill_at: index + 1 })),
    );
    expect(all.length).to.be.greaterThan(100);
    for (let n = 0; n < KILLS; n += 1) {
      // The golden ratio spreads the kills over all points, at the same ones each time.
      const chosen = all[Math.floor(((n * 0.618_034) % 1) * all.length)];
      const { kind, name, kill_at } = chosen as (typeof all)[0];
      const creator = await aPerson(kind, 100 + n);
      await deleteInChild(creator.id, kill_at);
      await seeThrough(creator.id);
      await expectGone(creator, `${kind}, killed ${name} (${kill_at})`);
    }
    expect(lostAnswers).to.be.lessThan(KILLS / 4);
    expect(await ctx.db('creators').pluck('id')).to.deep.equal([bystander.id]);
    for (const key of bystander.keys) expect(await ctx.storage.has(key)).to.equal(true);
    expect(existsSync(join(dataDir, 'media'))).to.equal(true);
  });
});
