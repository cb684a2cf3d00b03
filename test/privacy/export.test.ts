// Shows that an export holds everything that is declared and none of the secrets.
import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Database, openDatabase } from '../../src/base/database.ts';
import type { TableDeclaration } from '../../src/base/declaration.ts';
import { createLog } from '../../src/base/log.ts';
import type { Context } from '../../src/context/context.ts';
import { loadModules } from '../../src/modules.ts';
import { declaredTables, type Tables } from '../../src/privacy/eraser.ts';
import { createExport, listShownColumns } from '../../src/privacy/exporter.ts';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';
import { ownedTables, planted } from '../support/planted.ts';
import { unzip } from '../support/unzip.ts';
import { video } from '../support/videos.ts';

describe('the export', () => {
  let own: OwnContext;
  let ctx: Context;
  let tables: Tables;
  before(async () => {
    own = await anOwnContext();
    ctx = own.ctx;
    tables = declaredTables(await loadModules());
    await ctx.db.raw(`select graphile_worker.add_job('publish.confirm', '{}')`);
  });
  after(() => own[Symbol.asyncDispose]());

  const owned = () => ownedTables(tables);

  async function exported(id: string): Promise<Map<string, string>> {
    const entries = await unzip(await buffer(createExport(ctx, id)));
    return new Map([...entries].map(([name, bytes]) => [name, bytes.toString()]));
  }

  it('says of a fault that there was one, and not whose export it was', async () => {
    const lines: string[] = [];
    const db = openDatabase({ connectionString: 'postgres://nobody@127.0.0.1:9/none' });
    const log = createLog('error', { write: (line) => lines.push(line) });
    const id = randomUUID();
    const fault = await buffer(createExport({ ...ctx, db, log }, id)).catch((error) => error);
    await db.destroy();
    expect(fault).to.be.instanceOf(Error);
    expect(JSON.parse(lines[0] ?? '{}')).to.include({ event: 'export.fault' });
    expect(lines.join('')).not.to.contain(id);
  });

  it('visits every declared table, shows every canary and none of the secrets', async () => {
    const { id, canaries } = await planted(ctx, tables, 'One');
    const other = await planted(ctx, tables, 'Two');
    // The test must have looked at the columns of 20 tables.
    expect(canaries.size).to.be.greaterThan(40);
    const entries = await exported(id);
    for (const table of owned()) {
      const rows = JSON.parse(entries.get(`data/${table}.json`) ?? 'null');
      expect(rows, table).to.have.length(1);
      expect(Object.keys(rows[0]).sort(), table).to.deep.equal(
        listShownColumns(tables, table).sort(),
      );
    }
    const everything = [...entries.values()].join('\n');
    for (const [place, canary] of canaries) {
      const at = place.lastIndexOf('.');
      const { secret = [] } = tables[place.slice(0, at)] as TableDeclaration;
      const isSecret = secret.includes(place.slice(at + 1));
      expect(everything.includes(canary), place).to.equal(!isSecret);
    }
    for (const canary of other.canaries.values()) expect(everything).to.not.contain(canary);
    expect(everything).to.not.contain(other.id);
  });

  it('explains every file and every column in the words of the declarations', async () => {
    const entries = await exported((await planted(ctx, tables, 'Three')).id);
    const index = entries.get('README.txt') ?? '';
    for (const table of owned()) {
      const { called, columns, secret = [] } = tables[table] as TableDeclaration;
      expect(index).to.contain(`data/${table}.json: ${called}, 1 record\n`);
      for (const [column, words] of Object.entries(columns)) {
        const hidden = secret.includes(column) ? ' (not shown)' : '';
        expect(index).to.contain(`  ${column}${hidden}: ${words}`);
      }
    }
    expect(index).to.contain('Request log: A technical log for security').and.contain('(0)');
  });

  it('holds the files themselves, byte for byte, and goes on without one that is gone', async () => {
    const { id } = await planted(ctx, tables, 'Four');
    const key = randomBytes(16).toString('hex');
    const bytes = randomBytes(300_000);
    await ctx.storage.write(key, Readable.from([bytes]));
    await ctx.db('media').insert({
      ...{ storage_key: key, creator_id: id, purpose: 'upload', content_type: 'video/mp4' },
      ...{ bytes: bytes.length, sha256: 'x', facts: '{}', expires_at: new Date() },
    });
    const entries = await unzip(await buffer(createExport(ctx, id)));
    expect(entries.get(`media/${key}.mp4`)?.equals(bytes)).to.equal(true);
    expect([...entries.keys()].filter((name) => name.startsWith('media/'))).to.have.length(1);
    expect(entries.get('README.txt')?.toString()).to.contain('holds your files (1)');
  });

  it('of somebody unknown is empty', async () => {
    const entries = await exported(randomUUID());
    for (const table of owned()) expect(entries.get(`data/${table}.json`)).to.equal('[]\n');
  });
});

describe('the export over HTTP', () => {
  let app: Appliance;
  let client: Client;
  let storageKey: string;
  let db: Database;
  before(async () => {
    app = await anAppliance();
    db = app.db;
    client = await app.creator('exporter');
    storageKey = (await client.upload(await video())).json['storage_key'];
  });
  after(() => app[Symbol.asyncDispose]());

  const download = (options: RequestInit = {}) =>
    fetch(`${app.url}/export`, { headers: { cookie: client.cookie }, ...options });
  const memory = () => {
    const status = readFileSync(`/proc/${app.process().pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  };
  /** Lists the appliance's open files that are unlinked. */
  const nameless = () => {
    const folder = `/proc/${app.process().pid}/fd`;
    return readdirSync(folder).filter((fd) => {
      try {
        return readlinkSync(join(folder, fd)).includes('/scratch/');
      } catch {
        return false;
      }
    });
  };

  it('comes as a file whose name does not say who, to the signed-in creator alone', async () => {
    const answer = await download();
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('content-type')).to.equal('application/zip');
    expect(answer.headers.get('cache-control')).to.equal('no-store');
    expect(answer.headers.get('content-disposition')).to.match(
      /^attachment; filename="pm3k-export-\d{4}-\d\d-\d\d\.zip"$/,
    );
    const entries = await unzip(Buffer.from(await answer.arrayBuffer()));
    const uploaded = [...entries.keys()].find((name) => name.startsWith(`media/${storageKey}`));
    expect(uploaded).to.match(/\.mp4$/);
    const profile = JSON.parse(entries.get('data/creators.json')?.toString() ?? '[]');
    expect(profile[0]).to.include({ id: client.creatorId, username: 'exporter' });
    const stranger = await fetch(`${app.url}/export`, { redirect: 'manual' });
    expect(stranger.status).to.equal(303);
    const head = await download({ method: 'HEAD' });
    expect(head.headers.get('content-type')).to.equal('application/zip');
  });

  it('is the same for a key that may, at both addresses', async () => {
    await client.form('/settings', { keys_may_export_and_erase: 'true' });
    for (const path of ['/v1/export', '/v1/creators/me/export']) {
      const answer = await fetch(app.url + path, {
        headers: { authorization: `Bearer ${client.key}` },
      });
      expect(answer.headers.get('content-type')).to.equal('application/zip');
      const entries = await unzip(Buffer.from(await answer.arrayBuffer()));
      expect(entries.get('data/media.json')?.toString()).to.contain(storageKey);
    }
  });

  const moreJobs = (count: number) =>
    db.raw(
      `insert into jobs (creator_id, mode, send_at, state, title, destination, settings, source_key, finished_at)
       select ?, 'now', now(), 'finished', repeat('caption ', 40) || n, 'direct', '{"privacy_level": "SELF_ONLY"}', 'gone', now()
         from generate_series(1, ?::int) n`,
      [client.creatorId, count],
    );

  /** Returns the most memory that the appliance used while it made the archive. */
  async function measured(): Promise<{ peak: number; jobs: string }> {
    let peak = memory();
    const sampling = setInterval(() => {
      peak = Math.max(peak, memory());
    }, 50);
    const archive = Buffer.from(await (await download()).arrayBuffer());
    clearInterval(sampling);
    return { peak, jobs: (await unzip(archive)).get('data/jobs.json')?.toString() ?? '' };
  }

  it('of 100,000 posts takes no more memory than that of 50,000, and is whole', async () => {
    await moreJobs(50_000);
    const half = await measured();
    await moreJobs(50_000);
    const all = await measured();
    expect(all.jobs.length).to.be.greaterThan(80_000_000);
    expect(JSON.parse(all.jobs)).to.have.length(100_000);
    expect(all.peak - half.peak).to.be.lessThan(80_000_000);
  });

  it('that nobody reads on leaves no file and no connection behind', async () => {
    for (let n = 0; n < 12; n += 1) {
      const gone = new AbortController();
      const answer = await download({ signal: gone.signal });
      await answer.body?.getReader().read();
      gone.abort();
    }
    while (nameless().length > 0) await sleep(50);
    // More exports were abandoned than the pool has connections.
    expect((await client.page('/jobs')).status).to.equal(200);
    const scratch = readdirSync(join(app.data_dir, 'scratch'), { recursive: true });
    expect(scratch.filter((name) => String(name).endsWith('.json'))).to.deep.equal([]);
    expect(app.output()).to.not.contain('export.fault');
  });
});
