// Shows that nothing of a deleted creator is left anywhere, and that another one is untouched.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Database, quoted } from '../../src/base/database.ts';
import { findRunningConnection } from '../../src/base/embedded-postgres.ts';
import { loadModules } from '../../src/modules.ts';
import { declaredTables, selectOwnRows, type Tables } from '../../src/privacy/eraser.ts';
import {
  type Appliance,
  anAppliance,
  type Client,
  end,
  freePort,
  type Json,
  ready,
  spawnAppliance,
  TEST_SECRET,
} from '../support/appliance.ts';
import { video } from '../support/videos.ts';

/** A creator with a canary in every column, file, token, payload and error that can hold one. */
interface Person {
  client: Client;
  /** The text that is in every column that takes a text. */
  canary: string;
  /** Everything that identifies this person, unencrypted. */
  marks: string[];
  media: Json;
}

describe('the canary', () => {
  let app: Appliance;
  let db: Database;
  let tables: Tables;
  let first: Person;
  let second: Person;
  const filled = new Set<string>();

  before(async () => {
    // With an embedded database, so that everything there is lies in one folder.
    app = await anAppliance({ LOG_LEVEL: 'debug', DATABASE_URL: '' });
    db = app.db;
    tables = declaredTables(await loadModules());
    first = await aPerson('canary.first');
    second = await aPerson('canary.second');
    await killInUpload(first);
  });
  after(() => app?.[Symbol.asyncDispose]());

  /** Makes uploads, posts of every ending and a remembered answer, then fills every column. */
  async function aPerson(username: string): Promise<Person> {
    const client = await app.creator(username);
    const canary = `${username.replace('.', '')}${Math.random().toString(36).slice(2, 10)}`;
    const media = (await client.upload(await withCanary(canary))).json;
    const post = (more: Json, headers = {}) =>
      client.api('POST', '/v1/jobs', client.job(media['storage_key'], more), headers);
    const { json: posted } = await post({ title: canary }, { 'idempotency-key': canary });
    await client.ended(posted['id']);
    app.sandbox.state.faults.push({
      ...{ endpoint: 'processing', kind: 'fail:spam_risk_text', count: 1 },
      open_id: openIdOf(username),
    });
    const { json: failed } = await post({ title: canary });
    await client.ended(failed['id']);
    const scheduleAt = new Date(Date.now() + 86_400_000).toISOString();
    const { json: waiting } = await post({
      title: canary,
      mode: 'schedule',
      schedule_at: scheduleAt,
    });
    await prepared(client, waiting['id']);
    await beginUpload(client, canary);
    await fill(client.creatorId, canary);
    const grant = app.sandbox.state.grants.find((each) => each.open_id === openIdOf(username));
    const marks = [
      ...[canary, username, client.creatorId, openIdOf(username), client.key],
      ...[client.cookie.split('=')[1] ?? '', media['storage_key'], posted['id'], waiting['id']],
      ...[posted['publish_id'] ?? canary, grant?.access_token ?? '', grant?.refresh_token ?? ''],
    ];
    expect(marks.every((mark) => mark.length > 8)).to.equal(true);
    return { client, canary, marks, media };
  }

  /** Makes an upload of which only a part has arrived. */
  async function beginUpload(client: Client, canary: string): Promise<void> {
    const headers = { authorization: `Bearer ${client.key}`, 'tus-resumable': '1.0.0' };
    const name = Buffer.from(canary).toString('base64');
    const begun = await fetch(`${app.url}/v1/uploads`, {
      method: 'POST',
      headers: { ...headers, 'upload-length': '1000000', 'upload-metadata': `filename ${name}` },
    });
    const sent = await fetch(app.url + begun.headers.get('location'), {
      method: 'PATCH',
      headers: {
        ...{ ...headers, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      },
      body: await withCanary(canary),
    });
    expect(sent.status).to.equal(204);
  }

  /** Kills another process of the instance while it inspects an upload of this person. */
  async function killInUpload({ client, canary }: Person): Promise<void> {
    const server = await findRunningConnection(app.data_dir);
    const databaseUrl = `postgres://${server?.user}@localhost/postgres?host=${server?.host}`;
    const port = String(await freePort());
    const url = `http://localhost:${port}`;
    // An inspection that does not end, so that the kill comes in the middle.
    const endless = join(mkdtempSync(join(tmpdir(), 'pm3k-endless-')), 'ffprobe');
    writeFileSync(endless, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const other = spawnAppliance(
      {
        FFPROBE_PATH: endless,
        ...{ ROLE: 'web', PORT: port, PUBLIC_URL: app.url, DATA_DIR: app.data_dir },
        ...{ DATABASE_URL: databaseUrl, APP_SECRET: TEST_SECRET },
        ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
      },
      () => {},
    );
    await ready(url, other, () => '');
    const body = await withCanary(canary);
    const headers = { authorization: `Bearer ${client.key}`, 'content-type': 'video/mp4' };
    const answer = fetch(`${url}/v1/media`, { method: 'POST', headers, body }).catch(() => null);
    const files = () => filesWith(canary, join(app.data_dir, 'scratch'));
    while (files().length === 0) await sleep(1);
    await end(other, 'SIGKILL');
    expect(await answer, 'it was killed before it answered').to.equal(null);
    expect(files(), 'what the dead process leaves').to.have.length(1);
    rmSync(dirname(endless), { recursive: true });
  }

  const openIdOf = (username: string) =>
    app.sandbox.state.accounts.find((each) => each.username === username)?.open_id ?? '';

  /** Makes a video that holds the canary in a box that players skip. */
  async function withCanary(canary: string): Promise<Buffer<ArrayBuffer>> {
    const text = Buffer.from(canary.padEnd(64));
    const box = Buffer.alloc(8);
    box.writeUInt32BE(text.length + 8, 0);
    box.write('free', 4, 'latin1');
    return Buffer.concat([await video(), box, text]);
  }

  async function prepared(client: Client, id: string): Promise<void> {
    for (;;) {
      const { json } = await client.api('GET', `/v1/jobs/${id}`);
      if (json['step'] === 'wait') return;
      await sleep(100);
    }
  }

  /** Inserts rows that normal use does not make, and the canary in each column that takes a text. */
  async function fill(creatorId: string, canary: string): Promise<void> {
    await db('invitations').insert({
      ...{ creator_id: creatorId, token_hash: canary, expires_at: new Date(), used_at: new Date() },
    });
    await db('tiktok_calls').insert({ creator_id: creatorId, call: canary });
    await db('domains').insert({ creator_id: creatorId, host: canary, token: canary });
    await db('loose_files').insert({ storage_key: canary.padEnd(30, 'x'), creator_id: creatorId });
    await db('posting_defaults').insert({
      ...{ creator_id: creatorId, destination: 'direct', settings: '{}', declaration: canary },
    });
    await db('billing_records').insert({
      ...{ creator_id: creatorId, paypal_subscription_id: `I-${Math.random()}`, status: 'active' },
    });
    const [request] = await db('deletion_requests')
      .insert({ creator_id: creatorId, received_at: new Date(), username: canary })
      .returning('id');
    await db('deletion_request_events').insert({
      ...{ request_id: request.id, name: 'note', note: canary },
    });
    const [job] = await db('jobs').where({ creator_id: creatorId, state: 'failed' });
    await db('job_photos').insert({ job_id: job.id, position: 0, source_request: { canary } });
    await db('photo_links').insert({
      ...{ token_hash: canary, job_id: job.id, position: 0, storage_key: canary },
      ...{ content_type: canary, bytes: 1, expires_at: new Date() },
    });
    await db('publish_attempts')
      .where({ job_id: job.id })
      .update({ upload_url: canary, outcome: canary, told_publish_id: canary });
    // Given up, so that nobody delivers them; the run's payload names the creator.
    for (const subject of [{ creator_id: creatorId }, { job_id: job.id }]) {
      await db('event_deliveries').insert({
        ...{ subscriber: canary, ...subject, name: canary, at: new Date(), fault: canary },
        ...{ given_up_at: new Date() },
      });
    }
    await db.raw(
      `select graphile_worker.add_job('events.deliver', json_build_object('subscriber', 'x.y',
         'creator_id', ?::text), run_at := now() + interval '9 days', job_key := ?)`,
      [creatorId, `event:x.y:${creatorId}`],
    );
    await db.raw(
      `select graphile_worker.add_job('publish.confirm', json_build_object('job_id', ?::text, 'words', ?::text),
         run_at := now() + interval '9 days', queue_name := ?)`,
      [job.id, canary, `creator:${creatorId}`],
    );
    await db.raw(
      `update graphile_worker._private_jobs set last_error = ? where payload ->> 'words' = ?`,
      [canary, canary],
    );
    for (const table of Object.keys(tables)) await fillTable(table, creatorId, canary);
  }

  async function fillTable(table: string, creatorId: string, canary: string): Promise<void> {
    const whose = selectOwnRows(tables, table, creatorId);
    // The worker must still know the name of a run in the queue.
    if (!whose || table.startsWith('graphile_worker') || table === 'deletions') return;
    const own = async (sql: string, bindings: string[]) =>
      (await db.raw(sql, [...bindings, ...whose.bindings])).rowCount as number;
    const count = await own(`select from ${quoted(table)} as t where ${whose.sql}`, []);
    expect(count, `rows of ${table}`).to.be.greaterThan(0);
    // Billing records outlive the person by law and hold no name, so no canary is put there.
    if (table === 'billing_records') return;
    const { rows } = await db.raw(
      `select column_name as name, data_type as type from information_schema.columns
        where table_name = ? and table_schema = 'public' and is_generated = 'NEVER'
          and data_type in ('text', 'jsonb')`,
      [table],
    );
    for (const { name, type } of rows as { name: string; type: string }[]) {
      const value = type === 'jsonb' ? `jsonb_build_object('canary', ?::text)` : `?::text`;
      const column = quoted(name);
      const keep = type === 'jsonb' ? `coalesce(${column}, '{}')` : `coalesce(${column}, '')`;
      const sql = `update ${quoted(table)} as t set ${column} = ${keep} || ${value} where ${whose.sql}`;
      // Keys, names from TikTok, and values that a check constraint refuses stay as they are.
      const isFilled = await own(sql, [canary]).then(
        () => true,
        () => false,
      );
      if (isFilled) filled.add(`${table}.${name}`);
    }
    // Columns that the account needs in order to work.
    if (table === 'sessions' || table === 'api_keys') await unfill(table, whose, canary);
    if (['grants', 'media', 'jobs', 'uploads', 'upload_parts'].includes(table))
      await unfill(table, whose, canary);
    if (table === 'creators') await unfill(table, whose, canary, ['nickname', 'avatar_url']);
  }

  /** Removes the canary from columns that other parts must still understand. */
  async function unfill(
    table: string,
    whose: { sql: string; bindings: string[] },
    canary: string,
    keep: string[] = ['title', 'name', 'file_name', 'settings', 'media', 'error', 'facts'],
  ): Promise<void> {
    const { rows } = await db.raw(
      `select column_name as name from information_schema.columns
        where table_name = ? and table_schema = 'public' and data_type = 'text'`,
      [table],
    );
    for (const { name } of rows as { name: string }[]) {
      if (keep.includes(name)) continue;
      const column = quoted(name);
      await db.raw(
        `update ${quoted(table)} as t set ${column} = replace(${column}, ?, '') where ${whose.sql}`,
        [canary, ...whose.bindings],
      );
    }
  }

  /** Returns every value of every table of every schema, as text, by table. */
  async function everyTable(): Promise<Map<string, string[]>> {
    const { rows } = await db.raw(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const all = new Map<string, string[]>();
    for (const { name } of rows as { name: string }[]) {
      const found = await db.raw(`select t::text as text from ${name} t`);
      all.set(
        name,
        found.rows.map(({ text }: { text: string }) => text),
      );
    }
    return all;
  }

  /** Of a running database, whose files come and go. */
  function everyFile(folder: string): string[] {
    return readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  }

  const filesWith = (text: string, folder: string) =>
    everyFile(folder).filter((path) => readFileSync(path).includes(text));

  /** Returns the second creator's own rows, without what a clock writes. */
  async function rowsOf(creatorId: string): Promise<Record<string, string[]>> {
    const all: Record<string, string[]> = {};
    for (const table of Object.keys(tables)) {
      const whose = selectOwnRows(tables, table, creatorId);
      if (!whose) continue;
      const { rows } = await db.raw(
        `select t::text as text from ${quoted(table)} as t where ${whose.sql} order by 1`,
        whose.bindings,
      );
      all[table] = rows.map(({ text }: { text: string }) => text);
    }
    return all;
  }

  it('stands everywhere before: in every column that takes words, in files, queue and answers', async () => {
    for (const column of [
      ...['creators.nickname', 'jobs.title', 'jobs.settings', 'jobs.error', 'jobs.media'],
      ...['job_events.details', 'consents.title', 'publish_attempts.outcome', 'media.file_name'],
      ...['api_keys.name', 'idempotency_keys.body', 'deletion_requests.details'],
      ...['domains.host', 'domains.token', 'domains.fault', 'jobs.source_request'],
      ...['job_photos.source_request'],
      ...['invitations.token_hash', 'tiktok_calls.call', 'deletion_requests.bio_code'],
      ...['uploads.metadata', 'event_deliveries.details', 'event_deliveries.fault'],
    ])
      expect(filled, column).to.include(column);
    const places = [...(await everyTable())].filter(([, rows]) =>
      rows.some((row) => row.includes(first.canary)),
    );
    expect(places.length).to.be.greaterThan(12);
    const inFolder = (name: string) => filesWith(first.canary, join(app.data_dir, name));
    // The upload, the part of an unfinished one, and the one whose process was killed.
    expect(inFolder('media')).to.have.length(3);
    expect(inFolder('scratch')).to.have.length(1);
    await db.raw('checkpoint');
    expect(inFolder('postgres/base').length).to.be.greaterThan(3);
    expect(inFolder('postgres/pg_wal').length).to.be.greaterThan(0);
  });

  it('stands in files and folders that no other user may open', () => {
    const open = readdirSync(app.data_dir, { recursive: true })
      .map((name) => join(app.data_dir, String(name)))
      .filter((path) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
      // Another user who gets hold of a socket still has to sign in through its folder.
      .filter((path) => !path.includes('/.s.PGSQL.'));
    expect(open).to.deep.equal([]);
    const isRoot = process.getuid?.() === 0;
    expect(statSync(app.data_dir).mode & 0o777).to.equal(isRoot ? 0o711 : 0o700);
  });

  it('is nowhere after, while the second creator is complete, byte for byte', async () => {
    const before = await rowsOf(second.client.creatorId);
    const { json: file } = await second.client.api(
      'GET',
      `/v1/media/${second.media['storage_key']}`,
    );
    await leave(first);
    let values = 0;
    const everything = await everyTable();
    for (const [table, rows] of everything) {
      values += rows.length;
      for (const mark of first.marks) {
        const found = rows.filter((row) => row.includes(mark));
        expect(found, `${mark} in ${table}`).to.deep.equal([]);
      }
    }
    const files = everyFile(app.data_dir);
    const ledger = join('deletions', `${first.client.creatorId}.json`);
    for (const path of files) {
      // The ledger of deletions holds the internal id until the last backup with it has expired.
      const marks = first.marks.filter(
        (mark) => !(mark === first.client.creatorId && path.endsWith(ledger)),
      );
      const contents = readFileSync(path);
      // PostgreSQL stores an id as sixteen bytes.
      const isThere = path.includes('/postgres/') && contents.includes(idBytes(first));
      expect(isThere, `the creator’s id in ${path}`).to.equal(false);
      for (const mark of marks) {
        expect(contents.includes(mark), `${mark} in ${path}`).to.equal(false);
        if (!path.endsWith(ledger)) expect(path).not.to.contain(mark);
      }
    }
    const lines = app.output().split('\n');
    for (const mark of first.marks.filter((each) => !isJobId(each))) {
      expect(
        lines.filter((line) => line.includes(mark)),
        mark,
      ).to.deep.equal([]);
    }
    process.stdout.write(
      `      searched ${everything.size} tables, ${values} rows, ${files.length} files, ${lines.length} log lines; traces left: 0\n`,
    );
    expect(withoutClocks(await rowsOf(second.client.creatorId))).to.deep.equal(
      withoutClocks(before),
    );
    const answer = await fetch(`${app.url}/media/${file['storage_key']}`);
    expect(Buffer.from(await answer.arrayBuffer()).includes(second.canary)).to.equal(true);
  });

  const idBytes = ({ client }: Person) => Buffer.from(client.creatorId.replaceAll('-', ''), 'hex');
  const isJobId = (mark: string) => /^[0-9a-f-]{36}$/.test(mark) && mark !== first.client.creatorId;

  /** Times and counts of use, which change when the API is read by key. */
  function withoutClocks(rows: Record<string, string[]>): Record<string, string[]> {
    const { api_keys = [], creators = [], tiktok_calls: _calls, ...rest } = rows;
    const still = (text: string) => text.replaceAll(/"?\d{4}-\d\d-\d\d[^,")]*"?/g, '');
    return { ...rest, api_keys: api_keys.map(still), creators: creators.map(still) };
  }

  /** Deletes the account on the dashboard, and reads the receipt at its public link. */
  async function leave({ client }: Person): Promise<void> {
    const answer = await client.form('/disconnect', { confirm: client.creatorId });
    expect(answer.status).to.equal(303);
    const token = answer.headers.get('location')?.split('/').at(-1);
    for (let tries = 0; tries < 600; tries += 1) {
      const row = await db('deletions').where({ receipt_token: token }).first();
      if (row?.done_at) {
        expect(row).to.include({ traces: 0, creator_id: null, sealed_identifiers: null });
        return;
      }
      await sleep(200);
    }
    throw new Error(`The deletion did not end:\n${app.output().slice(-2000)}`);
  }

  it('leaves the second creator able to post', async () => {
    const { client, media } = second;
    const { json } = await client.api('POST', '/v1/jobs', client.job(media['storage_key']));
    expect(await client.ended(json['id'])).to.include({ status: 'finished' });
  });
});
