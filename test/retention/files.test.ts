// Shows which files retention removes and which it keeps, whatever else is going on.
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { acceptJob } from '../../src/jobs/accept/accept.ts';
import { WORKING_STATES } from '../../src/jobs/states.ts';
import { findTraces } from '../../src/privacy/traces.ts';
import { createPace } from '../../src/retention/batches.ts';
import { removeWorkingCopies } from '../../src/retention/files.ts';
import { reconcile } from '../../src/retention/reconcile.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { settingsSchema } from '../../src/tiktok/settings-schema.ts';
import { ago, aKept, DAY, HOUR, type Kept, never, swept } from './kept.ts';

const MINUTE = 60_000;
const SETTINGS = settingsSchema.parse({ privacy_level: 'SELF_ONLY' });

describe('retention of files', () => {
  let itIs: Kept;
  beforeEach(async () => {
    itIs = await aKept();
  });
  afterEach(() => itIs[Symbol.asyncDispose]());

  async function expectKept(key: string, what: string): Promise<void> {
    expect([await itIs.hasFile(key), await itIs.hasRow(key)], what).to.eql([true, true]);
  }
  async function expectGone(key: string, what: string): Promise<void> {
    expect([await itIs.hasFile(key), await itIs.hasRow(key)], what).to.eql([false, false]);
  }

  it('removes an upload whose time is over, row and file, and no other', async () => {
    const over = await itIs.file({ expires_at: ago(1_000) });
    const notYet = await itIs.file({ expires_at: ago(-60_000) });
    await sweep(itIs.ctx, never);
    await expectGone(over, 'over');
    await expectKept(notYet, 'not yet over');
    const [line] = await itIs.ctx.db('sweeps');
    expect(line).to.include({ what: 'uploads', removed: 1, bytes: 6 });
    await sweep(itIs.ctx, never);
    expect(await itIs.ctx.db('sweeps'), 'nothing removed, no line').to.have.length(1);
  });

  it('keeps an upload for as long as a post needs it', async () => {
    const states = [...WORKING_STATES, 'unconfirmed'];
    const needed: [string, string, string][] = [];
    for (const state of states) {
      const key = await itIs.file({ expires_at: ago(DAY) });
      needed.push([state, key, await itIs.job({ state, source_key: key })]);
    }
    const sentAsIs = await itIs.file({ expires_at: ago(DAY) });
    await itIs.job({ state: 'sending', output_key: sentAsIs });
    await sweep(itIs.ctx, never);
    for (const [state, key] of needed) await expectKept(key, state);
    await expectKept(sentAsIs, 'sent as it is');
    await itIs.ctx.db('jobs').update({ state: 'finished', finished_at: new Date() });
    await sweep(itIs.ctx, never);
    for (const [state, key] of needed) await expectGone(key, `after ${state}`);
  });

  it('keeps an upload that a post is just beginning to use', async () => {
    const { ctx } = itIs;
    const key = await itIs.file({ expires_at: ago(-2_000) });
    await ctx.db('media').update({ facts: { kind: 'video' } });
    const creator = await ctx.db('creators').first();
    await ctx.db.transaction(async (trx) => {
      const request = {
        ...{ mode: 'now', title: 'x', destination: 'direct', settings: SETTINGS },
        video: { source: 'pm3k_storage', storage_key: key },
      } as never;
      const consent = { given_through: 'api' as const, declaration: 'Yes.' };
      await acceptJob(ctx, trx, { creator, request, consent });
      // The upload's time ends while the post is being accepted; the sweep runs before the commit.
      while ((await ctx.db('media').whereRaw('expires_at < now()').first()) === undefined);
      await sweep(ctx, never);
    });
    await expectKept(key, 'held by the post');
    await sweep(ctx, never);
    await expectKept(key, 'needed by the post');
  });

  it('removes a working copy at once when its post is finished or cancelled, else a day later', async () => {
    const copies: [string, string, boolean][] = [];
    for (const [state, finishedAt, goes] of [
      ['finished', ago(1_000), true],
      ['cancelled', ago(1_000), true],
      ['failed', ago(23 * HOUR), false],
      ['failed', ago(25 * HOUR), true],
      ['unconfirmed', ago(23 * HOUR), false],
      ['unconfirmed', ago(25 * HOUR), true],
      ['ready', null, false],
      ['sent', null, false],
    ] as const) {
      const key = await itIs.file({ purpose: 'working', expires_at: ago(DAY) });
      await itIs.job({ state, finished_at: finishedAt, output_key: key });
      copies.push([`${state} ${finishedAt?.toISOString()}`, key, goes]);
    }
    const justMade = await itIs.file({ purpose: 'working' });
    const ofNothing = await itIs.file({ purpose: 'working', created_at: ago(2 * HOUR) });
    await removeWorkingCopies(itIs.ctx, createPace(never));
    for (const [what, key, goes] of copies) await (goes ? expectGone : expectKept)(key, what);
    await expectKept(justMade, 'its post does not name it yet');
    await expectGone(ofNothing, 'no post ever named it');
    expect(await swept(itIs.ctx)).to.deep.equal({ working_copies: 5 });
  });

  it('goes on behind a file that storage does not let go, and tries it again', async () => {
    const keys: string[] = [];
    for (let n = 0; n < 150; n += 1) keys.push(await itIs.file({ expires_at: ago(DAY - n) }));
    const stuck = keys[0] as string;
    const { remove } = itIs.ctx.storage;
    itIs.ctx.storage.remove = async (key) => {
      if (key === stuck) throw new Error('EIO');
      await remove(key);
    };
    await sweep(itIs.ctx, never);
    expect(await itIs.ctx.db('media').pluck('storage_key')).to.deep.equal([stuck]);
    itIs.ctx.storage.remove = remove;
    await sweep(itIs.ctx, never);
    await expectGone(stuck, 'at the next sweep');
    expect(await swept(itIs.ctx)).to.deep.equal({ uploads: 150 });
  });

  it('finds a file without a row once it is an hour old', async () => {
    const old = await itIs.strayFile(61 * 60_000);
    const young = await itIs.strayFile(59 * 60_000);
    const known = await itIs.file();
    await reconcile(itIs.ctx, {}, never);
    expect(await itIs.hasFile(old)).to.equal(false);
    expect(await itIs.hasFile(young)).to.equal(true);
    await expectKept(known, 'known');
    expect(await swept(itIs.ctx)).to.deep.equal({ files_without_row: 1 });
  });

  it('finds a row without a file, unless a post is working with it', async () => {
    const lost = await itIs.file();
    const needed = await itIs.file();
    await itIs.job({ state: 'ready', source_key: needed });
    const whole = await itIs.file();
    await itIs.ctx.storage.remove(lost);
    await itIs.ctx.storage.remove(needed);
    await reconcile(itIs.ctx, {}, never);
    expect(await itIs.hasRow(lost)).to.equal(false);
    expect(await itIs.hasRow(needed)).to.equal(true);
    await expectKept(whole, 'whole');
    expect(await swept(itIs.ctx)).to.deep.equal({ rows_without_file: 1 });
  });

  it('concludes nothing from a storage that is not there, nor from a database that knows nobody', async () => {
    const keys = [await itIs.file(), await itIs.file()];
    const { list, isEmpty, has } = itIs.ctx.storage;
    Object.assign(itIs.ctx.storage, {
      isEmpty: async () => true,
      has: async () => false,
      async *list() {},
    });
    await reconcile(itIs.ctx, {}, never);
    expect(await itIs.hasRow(keys[0] as string)).to.equal(true);
    Object.assign(itIs.ctx.storage, { list, isEmpty, has });
    const stray = await itIs.strayFile(DAY);
    await itIs.ctx.db('creators').delete();
    await reconcile(itIs.ctx, {}, never);
    expect(await itIs.hasFile(stray)).to.equal(true);
  });

  it('concludes nothing from a disk that does not answer', async () => {
    const lost = await itIs.file();
    const unseen = await itIs.file();
    await itIs.ctx.storage.remove(lost);
    const folder = join(itIs.data_dir, 'media', unseen.slice(0, 2));
    rmSync(folder, { recursive: true });
    symlinkSync(unseen.slice(0, 2), folder);
    const walk = { walk: 'rows', after: '' };
    const fault = await reconcile(itIs.ctx, walk, never).catch((error) => error);
    expect(fault).to.include({ code: 'ELOOP' });
    expect(await itIs.hasRow(unseen)).to.equal(true);
    const who = { creator_id: randomUUID(), open_id: null, username: null, left_keys: [unseen] };
    const search = await findTraces(itIs.ctx, who).catch((error) => error);
    expect(search, 'the search for traces').to.include({ code: 'ELOOP' });
    rmSync(folder);
    await reconcile(itIs.ctx, walk, never);
    expect(await itIs.hasRow(unseen)).to.equal(false);
    expect(await itIs.hasRow(lost)).to.equal(false);
  });

  it('removes what a cut-off upload left, and the working folders of the dead', async () => {
    const incoming = join(itIs.data_dir, 'media/incoming');
    const notes = join(itIs.data_dir, 'media/deletions');
    const scratch = join(itIs.data_dir, 'scratch');
    await itIs.file();
    for (const [folder, name, ageMs] of [
      [incoming, 'old.part', 2 * HOUR],
      [incoming, 'young.part', HOUR / 2],
      [notes, 'note.json.x.part', 2 * HOUR],
      [notes, 'note.json', 400 * DAY],
      [join(scratch, 'a-dead-one'), 'video.mp4', 11 * MINUTE],
      [join(scratch, 'a-living-one'), 'video.mp4', 9 * MINUTE],
      // A folder of another container with the same host name.
      [join(scratch, `${hostname()}-4194305`), 'video.mp4', MINUTE],
      // A folder of a machine whose clock is ahead.
      [join(scratch, 'from-the-future'), 'video.mp4', -4 * MINUTE],
      // The folder of this process, after a long sleep of the machine.
      [itIs.ctx.scratch, 'video.mp4', HOUR],
    ] as const) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, name), 'x');
      utimesSync(join(folder, name), ago(ageMs), ago(ageMs));
      utimesSync(folder, ago(ageMs), ago(ageMs));
    }
    await sweep(itIs.ctx, never);
    const left = (folder: string, name: string) => existsSync(join(folder, name));
    expect(left(incoming, 'old.part'), 'old part').to.equal(false);
    expect(left(incoming, 'young.part'), 'young part').to.equal(true);
    expect(left(notes, 'note.json.x.part'), 'draft of a note').to.equal(false);
    expect(left(notes, 'note.json'), 'note').to.equal(true);
    expect(left(scratch, 'a-dead-one'), 'dead').to.equal(false);
    expect(left(scratch, 'a-living-one'), 'alive').to.equal(true);
    expect(left(scratch, `${hostname()}-4194305`), 'alive, of our name').to.equal(true);
    expect(left(scratch, 'from-the-future'), 'alive, clock ahead').to.equal(true);
    expect(left(itIs.ctx.scratch, 'video.mp4'), 'our own').to.equal(true);
    expect(await swept(itIs.ctx)).to.deep.equal({ unfinished_uploads: 2, scratch: 1 });
  });

  it('removes backups of the default folder that have expired, and no other file', async () => {
    const folder = join(itIs.data_dir, 'backups');
    mkdirSync(folder);
    const stamp = (days: number) =>
      ago(days * DAY)
        .toISOString()
        .slice(0, 19)
        .replaceAll(/[-:]/g, '');
    const [old, young] = [31, 29].map((days) => `pm3k-${stamp(days)}Z.backup.age`);
    for (const name of [old, young, 'notes.txt'])
      writeFileSync(join(folder, name as string), 'xyz');
    await sweep(itIs.ctx, never);
    expect(readdirSync(folder)).to.have.members([young, 'notes.txt']);
    expect(await itIs.ctx.db('sweeps').first()).to.include({
      ...{ what: 'backups', removed: 1, bytes: 3 },
    });
  });
});
