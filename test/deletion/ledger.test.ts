// Shows that the ledger of deletions keeps restored creators out, and for how long.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { listDeletedCreators, recordDeletion } from '../../src/deletion/ledger.ts';
import { eraseReturned } from '../../src/deletion/restore.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { ago, aKept, DAY, type Kept, never, swept } from '../retention/kept.ts';
import { end, freePort, spawnAppliance, TEST_SECRET } from '../support/appliance.ts';

describe('the ledger of deletions', () => {
  let itIs: Kept;
  let folder: string;
  beforeEach(async () => {
    itIs = await aKept({ BACKUP_DAYS: '30' });
    folder = join(itIs.data_dir, 'media/deletions');
    mkdirSync(folder, { recursive: true });
  });
  afterEach(() => itIs[Symbol.asyncDispose]());

  const fileOf = (name: string) => join(folder, `${name}.json`);
  const endsAt = (id: string) =>
    new Date(JSON.parse(readFileSync(fileOf(id), 'utf8')).ends_at).getTime();
  function note(endsAt: Date, id = randomUUID() as string): string {
    writeFileSync(fileOf(id), JSON.stringify({ creator_id: id, ends_at: endsAt }));
    return id;
  }

  it('forgets in a sweep whoever no backup can hold any more, and says how many', async () => {
    const over = [note(ago(1_000)), note(ago(400 * DAY))];
    const lasting = note(ago(-60_000));
    await recordDeletion(itIs.ctx, itIs.creator_id);
    expect(await listDeletedCreators(itIs.ctx)).to.have.members([lasting, itIs.creator_id]);
    await sweep(itIs.ctx, never);
    for (const id of over) expect(existsSync(fileOf(id))).to.equal(false);
    expect(existsSync(fileOf(lasting))).to.equal(true);
    expect(endsAt(itIs.creator_id)).to.be.greaterThan(Date.now() + 30.9 * DAY);
    expect(await swept(itIs.ctx)).to.deep.equal({ ledger_entries: 2 });
  });

  it('forgets in a sweep the copies beside the backups as well', async () => {
    const main = folder;
    folder = join(itIs.data_dir, 'backups/deletions');
    mkdirSync(folder, { recursive: true });
    const [over, lasting] = [note(ago(1_000)), note(ago(-60_000))];
    await sweep(itIs.ctx, never);
    expect([existsSync(fileOf(over)), existsSync(fileOf(lasting))]).to.deep.equal([false, true]);
    expect(await swept(itIs.ctx)).to.deep.equal({ ledger_entries: 1 });
    folder = main;
  });

  it('gives an entry that it cannot understand an end, and believes its name until then', async () => {
    writeFileSync(fileOf(itIs.creator_id), '{"creator_id');
    expect(await listDeletedCreators(itIs.ctx)).to.deep.equal([itIs.creator_id]);
    await sweep(itIs.ctx, never);
    expect(endsAt(itIs.creator_id)).to.be.greaterThan(Date.now() + 30.9 * DAY);
    expect(await listDeletedCreators(itIs.ctx)).to.deep.equal([itIs.creator_id]);
    expect(await swept(itIs.ctx)).to.deep.equal({});
  });

  it('passes over a file that is none of it, with a warning that names nothing', async () => {
    const warnings: unknown[] = [];
    itIs.ctx.log.warn = ((line: unknown) => warnings.push(line)) as never;
    for (const name of ['x', 'copy-of-the-ledger', `${itIs.creator_id} (1)`]) {
      writeFileSync(fileOf(name), 'a canary');
    }
    await recordDeletion(itIs.ctx, itIs.creator_id);
    await eraseReturned(itIs.ctx);
    expect(await itIs.ctx.db('creators')).to.have.length(0);
    expect(warnings).to.deep.include({ event: 'ledger.stray_files', count: 3 });
    await sweep(itIs.ctx, never);
    expect(existsSync(fileOf('x'))).to.equal(true);
  });

  it('ends the start when it cannot be read, lest the deleted are served', async () => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'not a folder');
    await expectRefusal(/ENOTDIR/);
    rmSync(folder);
    mkdirSync(fileOf(itIs.creator_id), { recursive: true });
    await expectRefusal(/EISDIR/);
  });

  async function expectRefusal(code: RegExp): Promise<void> {
    let printed = '';
    const child = spawnAppliance(
      {
        ...{ DATABASE_URL: itIs.database_url, DATA_DIR: itIs.data_dir, APP_SECRET: TEST_SECRET },
        ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
        ...{ PORT: String(await freePort()), HOST: 'localhost' },
      },
      (text) => {
        printed += text;
      },
    );
    const started = () => printed.includes('"started"');
    while (child.exitCode === null && !started()) await new Promise((done) => setTimeout(done, 50));
    const exitCode = started() ? await end(child, 'SIGTERM') : child.exitCode;
    expect(printed)
      .to.match(/ledger of deletions .* cannot be read/)
      .and.match(code);
    expect(printed).not.to.contain(itIs.creator_id);
    expect(exitCode).to.equal(78);
  }
});
