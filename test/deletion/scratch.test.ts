// Shows whose working folders are removed, by whom, and what a receipt waits for.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { makeWorkFolder } from '../../src/base/scratch.ts';
import type { Context } from '../../src/context/context.ts';
import { executeDeletion } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { watchScratch } from '../../src/deletion/scratch.ts';
import { findDeletion } from '../../src/deletion/store.ts';
import { aCreator, type Seeded } from '../support/a-creator.ts';
import { aContext, anOwnContext, type OwnContext } from '../support/context.ts';
import { waitUntil } from '../support/wait-until.ts';

const { signal } = new AbortController();

describe('working folders', () => {
  let sandbox: Sandbox;
  let own: OwnContext;
  let ctx: Context;
  let persons = 0;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox?.close());
  beforeEach(async () => {
    own = await anOwnContext({ tiktok_url: sandbox.url });
    ctx = own.ctx;
  });
  afterEach(() => own?.[Symbol.asyncDispose]());

  function aPerson(): Promise<Seeded> {
    persons += 1;
    const account = createAccount(`scratch.${persons}`, 'Somebody');
    sandbox.state.accounts.push(account);
    return aCreator(ctx, sandbox, account);
  }

  /** The folder of another process on this disk, with a file about the creator. */
  async function leftByAnother(creatorId: string): Promise<string> {
    const folder = join(dirname(ctx.scratch), randomUUID());
    const path = join(await makeWorkFolder(folder, creatorId), 'video.mp4');
    writeFileSync(path, 'x');
    return path;
  }

  const aFolder = (row: object) =>
    ctx.db('scratch_folders').insert({ id: randomUUID(), started_at: new Date(0), ...row });
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

  it('of a deleted creator go from every process of the disk, and no other creator’s', async () => {
    const [leaver, other] = [await aPerson(), await aPerson()];
    const paths = [await leftByAnother(leaver.id), await leftByAnother(leaver.id)];
    const others = await leftByAnother(other.id);
    const { id } = await requestDeletion(ctx, leaver.id, 'self_service');
    await executeDeletion(ctx, id, signal);
    expect(await findDeletion(ctx.db, id)).to.include({ traces: 0 });
    for (const path of paths) expect(existsSync(dirname(path))).to.equal(false);
    expect(existsSync(others)).to.equal(true);
  });

  it('on another machine’s disk hold the receipt up until that machine has removed them', async () => {
    const leaver = await aPerson();
    const elsewhere = await anOtherMachine(own);
    try {
      const watch = await watchScratch(elsewhere, false);
      const path = join(await makeWorkFolder(elsewhere.scratch, leaver.id), 'video.mp4');
      writeFileSync(path, 'x');
      const { id } = await requestDeletion(ctx, leaver.id, 'self_service');
      await executeDeletion(ctx, id, signal);
      const searched = async () => (await findDeletion(ctx.db, id))?.searched_at;
      expect(existsSync(path) && (await searched()) !== null, 'both').to.equal(false);
      await waitUntil(async () => !existsSync(path));
      await waitUntil(async () => (await findDeletion(ctx.db, id))?.cleared_disks.length === 2);
      await executeDeletion(ctx, id, signal);
      expect(await searched()).to.be.instanceOf(Date);
      await watch.stop();
    } finally {
      await elsewhere.db.destroy();
    }
  });

  it('of a machine that was switched off for a day are named on the receipt', async () => {
    const leaver = await aPerson();
    await aFolder({ disk: randomUUID(), dead_at: daysAgo(2) });
    const { id } = await requestDeletion(ctx, leaver.id, 'self_service');
    await executeDeletion(ctx, id, signal);
    const done = await findDeletion(ctx.db, id);
    expect(done?.receipt).to.include({ disks_lost: 1 });
  });

  it('of a machine that went a moment ago are waited for', async () => {
    const leaver = await aPerson();
    await aFolder({ disk: randomUUID(), dead_at: new Date() });
    const { id } = await requestDeletion(ctx, leaver.id, 'self_service');
    await executeDeletion(ctx, id, signal);
    expect((await findDeletion(ctx.db, id))?.searched_at).to.equal(null);
  });

  it('of the dead go when a process on their disk starts, and no living one’s', async () => {
    const watch = await watchScratch(ctx, false);
    const { disk } = await ctx.db('scratch_folders').first('disk');
    await watch.stop();
    const paths: Record<string, string> = {};
    for (const name of ['dead', 'living']) {
      const path = join(dirname(ctx.scratch), name);
      mkdirSync(path);
      paths[name] = path;
    }
    await aFolder({ id: 'dead', disk, dead_at: new Date() });
    await aFolder({ id: 'living', disk });
    await (await watchScratch(ctx, false)).stop();
    expect(existsSync(paths['dead'] as string)).to.equal(false);
    expect(existsSync(paths['living'] as string)).to.equal(true);
    expect(await ctx.db('scratch_folders').pluck('id')).to.deep.equal(['living']);
  });

  /** Another process of the instance, on a machine with a disk of its own. */
  async function anOtherMachine({ database_url, data_dir }: OwnContext): Promise<Context> {
    const folder = join(data_dir, 'another-machine');
    mkdirSync(folder);
    const other = await aContext({ database_url, data_dir: folder, tiktok_url: sandbox.url });
    return { ...other, timing: { ...other.timing, beatMs: 50 } };
  }
});
